"""The runner of rp2040js, where Node.js or rp2040js is missing, and where the image is none."""

import os
import shutil
from pathlib import Path

import pytest

from boards import load
from host.emulator import RUNNERS, rp2040js, usual
from host.errors import HostError

PICO = load("pico")


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    folder = tmp_path / "run/firmware/raspberry_pi_pico"
    folder.mkdir(parents=True)
    return folder / "firmware.elf"


def boot(elf: Path) -> str:
    with RUNNERS["rp2040js"].boot(PICO, elf) as url:
        return url


@pytest.mark.parametrize(
    ("board", "emulator"), [("nucleo", "qemu"), ("nano33", "renode"), ("pico", "rp2040js"), ("nucleo_f446re", "qemu")]
)
def test_each_board_has_a_usual_emulator(board: str, emulator: str) -> None:
    assert usual(load(board)) == emulator


def test_a_board_of_another_chip(elf: Path) -> None:
    with pytest.raises(HostError, match="does not name rp2040js"), rp2040js.boot(load("nucleo"), elf):
        pass


def test_without_node(elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="node is not on PATH") as caught:
        boot(elf)
    assert "sh scripts/rp2040js.sh" in caught.value.next_step


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_without_rp2040js(elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "rp2040js.cjs"
    shutil.copy(rp2040js.SCRIPT, elsewhere)
    monkeypatch.setattr(rp2040js, "SCRIPT", elsewhere)
    monkeypatch.setenv("NODE_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(HostError, match="rp2040js is not installed"):
        boot(elf)


@pytest.fixture
def installed() -> None:
    try:
        rp2040js.require()
    except HostError as error:
        pytest.skip(error.problem)


@pytest.mark.usefixtures("installed")
def test_without_an_image(elf: Path) -> None:
    with pytest.raises(HostError, match=r"firmware\.bin: no firmware image") as caught:
        boot(elf)
    assert "--board pico" in caught.value.next_step


@pytest.mark.usefixtures("installed")
def test_an_image_that_the_boot_rom_would_not_start(elf: Path) -> None:
    elf.with_suffix(".bin").write_bytes(os.urandom(1024))
    with pytest.raises(HostError, match="checksum of its first 256 bytes is wrong"):
        boot(elf)
