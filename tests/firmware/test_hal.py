"""The HAL on this PC, under sanitizers: the receive ring, the time base on a simulated SysTick, the clock tree and the
UART of the STM32F4 on simulated registers (no emulator here models them)."""

import shutil
import subprocess
from pathlib import Path

import pytest

from boards import load
from boards.render import header

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
    return run(folder, "-include", test / "simulated_core.h", test / "test_ticks.c", HAL / "ticks_systick.c", source)


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


def stm32f4(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A driver of the STM32F4 on simulated registers, with the constants of the Nucleo."""
    (folder / "board.h").write_text(header.render(load("nucleo")))
    sources = FIRMWARE / "test/stm32f4"
    program = folder / test
    if not program.exists():
        command = ["gcc", *WARNINGS, *SANITIZE, "-I", str(HAL), "-I", str(folder), "-include",
                   str(sources / "simulated_registers.h"), str(sources / f"{test}.c"), "-o", str(program)]  # fmt: skip
        subprocess.run(command, check=True)
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_clock_comes_up_by_the_rules_of_the_manual(tmp_path: Path) -> None:
    result = stm32f4(tmp_path, "test_clock", "none")
    assert result.returncode == 0, result.stderr
    hz, fallback, accesses = map(int, result.stdout.split())
    assert (hz, fallback) == (180_000_000, 0)
    assert accesses < 200


@pytest.mark.parametrize("never", ["hse", "pll", "over-drive", "over-drive-switch", "wait-states", "switch"])
def test_a_clock_that_does_not_come_up_is_given_up(never: str, tmp_path: Path) -> None:
    result = stm32f4(tmp_path, "test_clock", never)
    assert result.returncode == 0, result.stderr
    hz, fallback, accesses = map(int, result.stdout.split())
    assert (hz, fallback) == (16_000_000, 1)
    assert 65_536 <= accesses < 2 * 65_536  # one flag was waited for in full, and only one


def test_the_uart_of_the_nucleo_is_set_up(tmp_path: Path) -> None:
    result = stm32f4(tmp_path, "test_usart")
    assert result.returncode == 0, result.stderr
    words = {int(line.split()[0], 16): int(line.split()[1], 16) for line in result.stdout.splitlines()}
    assert words == {
        0x40023830: 0x00100001,  # AHB1ENR: GPIOAEN
        0x40023840: 1 << 17,  # APB1ENR: USART2EN
        0x40020000: 0xA80000A0,  # MODER: PA2 and PA3 alternate, the rest as after reset
        0x40020008: 0x0C000050,  # OSPEEDR: medium
        0x4002000C: 0x64000050,  # PUPDR: up
        0x40020020: 0x00007700,  # AFRL: function 7 twice
        0x40004408: 98,  # BRR: 45 MHz / 460,800
        0x4000440C: 0x202C,  # CR1: UE, RXNEIE, TE, RE
        0xE000E104: 1 << 6,  # ISER1: interrupt 38
    }
