"""The digits run on every other board that an emulator has: built, booted to HELLO, and streamed through."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from boards import load, load_all
from contract.run_folder import RunFolder
from export.bench import bench
from firmware.build import build
from host import session
from host.emulator import rp2040js
from host.emulator.qemu import PROGRAM
from host.errors import HostError

needs_qemu = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")

ELSEWHERE = {"nucleo_f446re", "mps2_an386"}  # test_end_to_end.py streams the whole test split through these
NAMES = [board.name for board in load_all() if board.emulator.qemu and board.name not in ELSEWHERE]
SAMPLES = 60  # of which some are abstained from and answered by the host


@pytest.fixture(scope="module")
def run(digits: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A copy, so that the session of the end-to-end test stays as it is."""
    copy = tmp_path_factory.mktemp("every_board") / "digits"
    shutil.copytree(digits.path, copy, ignore=shutil.ignore_patterns("firmware"))
    return RunFolder(copy)


@needs_qemu
@pytest.mark.parametrize("name", NAMES)
def test_digits_are_streamed_through_the_board(name: str, run: RunFolder) -> None:
    streamed(name, "emulator", run)


@pytest.mark.parametrize("name", [board.name for board in load_all() if board.emulator.rp2040js])
def test_digits_are_streamed_through_a_board_in_rp2040js(name: str, run: RunFolder) -> None:
    try:
        rp2040js.require()
    except HostError as error:
        pytest.skip(error.problem)
    streamed(name, "rp2040js", run)


def streamed(name: str, port: str, run: RunFolder) -> None:
    """The first samples, none lost and none judged differently by board and host."""
    board = load(name)
    sizes = build(run, board)
    summary = session.run(session.Options(run=run, board=board, ports=(port,), limit=SAMPLES))
    assert (summary.samples, summary.lost, summary.disagreements, summary.frames_lost) == (SAMPLES, 0, 0, 0)
    accepted = int(np.load(run.vectors)["accepted"][:SAMPLES].sum())
    assert 0 < accepted < SAMPLES
    assert summary.answered_by == {"board": accepted, "host": SAMPLES - accepted, "fallback": 0, "withheld": 0}
    assert summary.instructions_per_inference is not None and summary.instructions_per_inference > 10_000
    assert (summary.flash_bytes, summary.ram_bytes) == (sizes.flash_bytes, sizes.ram_bytes)
    assert Path(run.firmware(name) / "firmware.bin").stat().st_size == sizes.flash_bytes


@needs_qemu
@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_the_model_compiled_for_the_core_gives_the_interpreters_bytes(name: str, digits: RunFolder) -> None:
    report = bench(digits.tflite, load(name), 2)
    assert report.differing_outputs == 0
    assert report.instructions > 10_000
