"""The parts of the HAL that need no hardware, natively under sanitizers: the receive ring and the time base."""

import shutil
import subprocess
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
HAL = FIRMWARE / "hal"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Compile and run a test program."""
    program = folder / "test"
    subprocess.run(["gcc", *WARNINGS, *SANITIZE, "-I", HAL, *arguments, "-o", program], check=True)
    return subprocess.run([program], capture_output=True, text=True, check=False)


def test_ring(tmp_path: Path) -> None:
    result = run(tmp_path, FIRMWARE / "test/ring/test_ring.c")
    assert result.returncode == 0, result.stderr


def ticks(folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    test = FIRMWARE / "test/ticks"
    return run(folder, "-include", test / "simulated_core.h", test / "test_ticks.c", source)


def test_ticks(tmp_path: Path) -> None:
    result = ticks(tmp_path, HAL / "ticks.c")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("while (wraps != before)", "while (0)"),  # a wrap between the two reads
        ("(uint64_t)before + missed", "(uint64_t)before + 0 * missed"),  # a wrap whose interrupt is held off
        ("elapsed < TICKS_WRAP / 2", "true"),  # an interrupt that belongs to the next wrap
    ],
)
def test_the_test_of_the_ticks_finds_each_race(right: str, wrong: str, tmp_path: Path) -> None:
    text = (HAL / "ticks.c").read_text()
    assert text.count(right) == 1
    (tmp_path / "ticks.c").write_text(text.replace(right, wrong))
    assert ticks(tmp_path, tmp_path / "ticks.c").returncode == 1
