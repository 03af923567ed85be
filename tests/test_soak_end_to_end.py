"""A short soak of the emulated board over a bad cable: `make soak` is the same with 100,000 samples."""

import shutil

import pytest

import boards
from contract.run_folder import RunFolder
from host import soak

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")

SAMPLES = 200

CABLES = {
    "one byte in a hundred": "flip=0.01,seed=1",
    "everything at once": "flip=0.002,drop=0.01,duplicate=0.05,delay=0.05,truncate=0.01,disconnect=0.002,seed=2",
}


@pytest.mark.parametrize("cable", CABLES)
def test_every_sample_ends_with_its_own_answer(digits: RunFolder, cable: str) -> None:
    report = soak.run(soak.Options(digits, boards.load("nucleo"), samples=SAMPLES, faults=CABLES[cable]))
    assert report.passed, soak.explain(report)
    assert report.samples == SAMPLES and not report.wrong
    assert sum(report.lost.values()) <= 2
    assert report.damaged_down > 0 and report.damaged_up > 0 and report.repeats > 0
    assert report.faults_down.flip > 0 and report.faults_up.flip > 0
