"""What an image is made of: its parts are all of it, whatever the board, and an image that is too large is divided
alike."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boards import Board, load, load_all
from boards.fit import Part, needed
from boards.models import fits
from conftest import run_module
from contract.errors import KNOWN_FAILURE
from contract.run_folder import RunFolder
from firmware import parts
from firmware.errors import FirmwareError
from firmware.size import Sizes, measure

Image = Callable[[str], tuple[Board, Path, Sizes]]
BOARDS = [board.name for board in load_all()]


@pytest.mark.parametrize("name", BOARDS)
def test_the_parts_and_the_stack_are_the_whole_image(name: str, image: Image) -> None:
    board, elf, sizes = image(name)
    found = parts.read(elf.with_suffix(".map"), board)
    assert sum(part.flash for part in found) == sizes.flash_bytes
    assert sum(part.ram for part in found) + board.memory.stack == sizes.ram_bytes
    assert {part.name for part in found} >= {parts.CODE, parts.ARENA, parts.GATE, parts.APPLICATION}
    assert parts.SEQUENCE not in {part.name for part in found}
    assert json.loads((elf.parent / "size.json").read_text())["parts"] == [vars(part) for part in found]


def test_a_recurrent_models_sequence_and_state_are_parts_of_their_own(stream_image: Image) -> None:
    board, elf, sizes = stream_image("nucleo")
    found = {part.name: part.ram for part in measure(elf, board, state_bytes=8).parts}
    assert found[parts.SEQUENCE] == sizes.sequence_bytes == 40 * 12  # MODEL_STEPS frames of MODEL_FRAME_BYTES
    before = {part.name: part.ram for part in sizes.parts}
    assert (found[parts.STATE], found[parts.ARENA]) == (8, before[parts.ARENA] - 8)
    assert sum(found.values()) == sum(before.values())


def test_no_map_is_said_in_words(tmp_path: Path) -> None:
    board = load("nucleo")
    with pytest.raises(FirmwareError, match="cannot be read"):
        parts.read(tmp_path / "firmware.map", board)
    (tmp_path / "firmware.map").write_text("nothing of the sort\n")
    with pytest.raises(FirmwareError, match="not a map"):
        parts.read(tmp_path / "firmware.map", board)


def test_an_initialised_variable_takes_flash_and_ram_and_debugging_information_none(tmp_path: Path) -> None:
    (tmp_path / "firmware.map").write_text(
        "Discarded input sections\n\n .text          0x00000000       0x40 /b/src/main.o\n\n"
        "Linker script and memory map\n\n"
        ".rodata         0x08000000       0x14\n *(.rodata .rodata.*)\n"
        " .rodata.layer_0\n                0x08000000       0x11 /a b/model/model.o\n"
        " *fill*         0x08000011        0x3 \n\n"
        ".data           0x20000800        0x8 load address 0x08000014\n"
        " .data.seed     0x20000800        0x8 /b/src/link.o\n                0x20000800                seed\n"
        "LOAD /b/src/main.o\nOUTPUT(/b/firmware.elf elf32-littlearm)\n"
        ".debug_info     0x00000000      0x100\n .debug_info    0x00000000      0x100 /b/src/main.o\n"
    )
    assert parts.read(tmp_path / "firmware.map", load("nucleo")) == (
        Part(parts.CONSTANTS, 0x11, 0),
        Part(parts.APPLICATION, 8, 8),
        Part(parts.ALIGNMENT, 3, 0),
    )


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("RAM", "static uint8_t input[MODEL_INPUT_0_BYTES]", "static uint8_t input[20000]"),
        (
            "flash",
            "void model_invoke(void)\n{",
            "static const uint8_t table[300000] = {1};\nvoid model_invoke(void)\n{\n    logits[0] = table[299999 - input[0]];",
        ),
    ],
)
def test_a_small_board_refuses_with_a_table_and_the_boards_that_would_do(
    kind: str, old: str, new: str, bench: RunFolder, tmp_path: Path
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    run = tmp_path / "large"
    shutil.copytree(bench.path, run, ignore=shutil.ignore_patterns("firmware"))
    (run / "model.c").write_text((run / "model.c").read_text().replace(old, new))
    result = run_module("firmware", "build", "--run", run, "--board", "microbit")
    assert result.returncode == KNOWN_FAILURE
    *listed, said = result.stderr.splitlines()
    assert said.startswith("error: ") and "Boards that it would fit, by memory: " in said
    others = said.split("by memory: ")[1].rstrip(".").split(", ")
    assert "nucleo" in others and "microbit" not in others
    rows = [re.fullmatch(r"(\S+(?: \S+)*)((?: +[\d,]+)+)", line) for line in listed]
    figures = {row[1]: [int(found.replace(",", "")) for found in row[2].split()] for row in rows if row}
    column = 0 if kind == "flash" else -1
    assert figures["in all"][column] > figures["bbc_microbit has"][column] == {"flash": 262_144, "RAM": 16_384}[kind]
    part = parts.CONSTANTS if kind == "flash" else parts.ARENA
    assert figures[part][-1] >= {"flash": 300_000, "RAM": 20_000}[kind]
    assert not (run / "firmware/bbc_microbit").exists()


def test_what_is_computed_for_a_board_of_the_same_core_is_close_to_what_its_image_takes(image: Image) -> None:
    nucleo, elf, sizes = image("nucleo_f446re")
    other, _, built = image("mps2_an386")
    (computed,) = [each for each in fits(elf.parents[3], (nucleo, other)) if each.board == nucleo.name]
    assert (computed.flash, computed.ram, computed.measured) == (sizes.flash_bytes, sizes.ram_bytes, True)
    ours = needed([Part("image", sizes.flash_bytes, sizes.ram_bytes - sizes.stack_bytes)], other)
    assert abs(ours.ram - built.ram_bytes) <= 64  # variables of clock and UART drivers
    assert abs(ours.flash - built.flash_bytes) <= 1024  # their code
