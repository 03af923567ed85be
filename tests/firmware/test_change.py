"""What became larger or smaller between two builds, from their size.json."""

import json
from pathlib import Path

import pytest

from conftest import run_module
from contract.errors import DONE, KNOWN_FAILURE
from contract.run_folder import RunFolder
from firmware.change import changes, markdown
from firmware.errors import FirmwareError

PARTS = {"model code": (6_000, 0), "arena": (0, 700), "application": (6_000, 1_200)}


def image(run: Path, board: str, stack: int = 2_048, **parts: tuple[int, int]) -> RunFolder:
    folder = RunFolder(run)
    sizes = PARTS | {name.replace("_", " "): size for name, size in parts.items()}
    place = folder.firmware(board)
    place.mkdir(parents=True)
    value = {
        "flash_bytes": sum(flash for flash, _ in sizes.values()),
        "ram_bytes": sum(ram for _, ram in sizes.values()) + stack,
        "parts": [{"name": name, "flash": flash, "ram": ram} for name, (flash, ram) in sizes.items()],
    }
    (place / "size.json").write_text(json.dumps(value))
    return folder


def test_the_table_has_every_board_of_both_and_the_parts_that_changed(tmp_path: Path) -> None:
    now, before = tmp_path / "now", tmp_path / "before"
    image(now, "nucleo_f446re", application=(6_120, 1_180), sequence_buffer=(0, 2_048))
    image(before, "nucleo_f446re")
    image(now, "bbc_microbit")
    image(before, "bbc_microbit")
    image(now, "mps2_an385")
    image(before, "mps2_an386")
    assert markdown(changes(RunFolder(now), RunFolder(before))).splitlines() == [
        "| board | flash, bytes | change | RAM, bytes | change |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| bbc_microbit | 12,000 | 0 | 3,948 | 0 |",
        "| mps2_an385 | 12,000 | new | 3,948 | new |",
        "| mps2_an386 |  | gone |  | gone |",
        "| nucleo_f446re | 12,120 | +120 (+1.0%) | 5,976 | +2,028 (+51.4%) |",
        "",
        "- nucleo_f446re: application +120 of flash and -20 of RAM; sequence buffer +2,048 of RAM",
    ]


def test_an_image_of_a_release_that_told_no_parts_is_compared_as_a_whole(tmp_path: Path) -> None:
    now, before = image(tmp_path / "now", "bbc_microbit"), image(tmp_path / "before", "bbc_microbit")
    path = before.firmware("bbc_microbit") / "size.json"
    path.write_text(json.dumps({"flash_bytes": 12_001, "ram_bytes": 3_948}))
    (change,) = changes(now, before)
    assert change.parts == ()
    assert markdown((change,)).endswith("| bbc_microbit | 12,000 | -1 (-0.0%) | 3,948 | 0 |\n")


def test_nothing_to_compare_and_what_is_no_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="Neither"):
        changes(RunFolder(tmp_path / "a"), RunFolder(tmp_path / "b"))
    run = image(tmp_path / "a", "bbc_microbit")
    (run.firmware("bbc_microbit") / "size.json").write_text("[]")
    with pytest.raises(FirmwareError, match="not the sizes"):
        changes(run, RunFolder(tmp_path / "b"))


def test_the_command_prints_markdown(tmp_path: Path) -> None:
    image(tmp_path / "now", "nucleo_f446re", arena=(0, 800))
    image(tmp_path / "before", "nucleo_f446re")
    result = run_module("firmware", "size", "--run", tmp_path / "now", "--against", tmp_path / "before")
    assert result.returncode == DONE
    assert result.stdout == markdown(changes(RunFolder(tmp_path / "now"), RunFolder(tmp_path / "before")))
    nothing = run_module("firmware", "size", "--run", tmp_path / "x", "--against", tmp_path / "y")
    assert nothing.returncode == KNOWN_FAILURE and nothing.stderr.startswith("error: Neither ")
