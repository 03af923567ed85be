"""The block that the RP2040's boot ROM runs: its checksum, and what a build makes of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boards import Board
from contract.errors import KNOWN_FAILURE
from firmware.boot_block import BYTES, crc, seal
from firmware.errors import FirmwareError
from firmware.size import Sizes

Image = Callable[[str], tuple[Board, Path, Sizes]]


def test_the_checksum_is_that_of_the_catalogues() -> None:
    assert (
        crc(b"123456789") == 0x0376_E6E7
    )  # CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms, reveng.sourceforge.io


def test_an_image_begins_with_a_sealed_block_and_the_vectors_follow(image: Image) -> None:
    board, elf, _ = image("raspberry_pi_pico")
    binary = elf.with_suffix(".bin").read_bytes()
    block, vectors = binary[:BYTES], binary[BYTES:]
    assert int.from_bytes(block[-4:], "little") == crc(block[:-4])
    stack, reset = (int.from_bytes(vectors[at : at + 4], "little") for at in (0, 4))
    assert stack == board.memory.ram.origin + board.memory.stack
    assert board.memory.flash.origin + BYTES < reset < board.memory.flash.origin + len(binary)


def test_a_block_that_is_sealed_is_not_sealed_again(image: Image, tmp_path: Path) -> None:
    _, elf, _ = image("raspberry_pi_pico")
    copy = tmp_path / "firmware.elf"
    shutil.copy(elf, copy)
    with pytest.raises(FirmwareError, match="with the last 4 free") as caught:
        seal(copy)
    assert caught.value.exit_code == KNOWN_FAILURE and copy.read_bytes() == elf.read_bytes()


def test_other_boards_have_no_such_block(image: Image, tmp_path: Path) -> None:
    _, elf, _ = image("nucleo_f446re")
    copy = tmp_path / "firmware.elf"
    shutil.copy(elf, copy)
    seal(copy)
    assert copy.read_bytes() == elf.read_bytes()
