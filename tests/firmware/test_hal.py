"""The HAL on this PC, under sanitizers: the receive ring, the time base on a simulated SysTick, the clock trees and
the UARTs of the STM32, the RP2040 and the nRF52840 on simulated registers (hardly an emulator models them)."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from boards import load, load_all
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


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of this module are kept, by board: each is compiled once."""
    return tmp_path_factory.mktemp("stm32")


def stm32(
    programs: Path, name: str, test: str, macros: dict[str, Any], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """A driver on simulated registers, with the constants of a board."""
    folder = programs / name
    program, sources = folder / Path(test).name, FIRMWARE / "test/stm32"
    if not program.exists():
        folder.mkdir(exist_ok=True)
        (folder / "board.h").write_text(header.render(load(name)))
        command = ["gcc", *WARNINGS, *SANITIZE, "-I", str(HAL), "-I", str(folder), "-include",
                   str(sources / "simulated_registers.h"), *(f"-D{macro}={value}" for macro, value in macros.items()),
                   str(sources / f"{test}.c"), "-o", str(program)]  # fmt: skip
        subprocess.run(command, check=True)
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


# What the manuals ask of each clock tree; codes as in the registers. test_clock_<driver>.c says what the names mean.
STM32F4_FLAGS = ("hse", "pll", "voltage", "wait-states", "switch")
STM32_CLOCKS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "nucleo_f446re": (
        {"VOS": 3, "OVER_DRIVE": 1, "WAIT_STATES": 5, "PPRE1": 0b101, "PPRE2": 0b100},  # RM0390: 180 MHz, 45, 90
        (*STM32F4_FLAGS, "over-drive", "over-drive-switch"),
    ),
    "nucleo_f401re": (
        {"VOS": 2, "OVER_DRIVE": 0, "WAIT_STATES": 2, "PPRE1": 0b100, "PPRE2": 0},  # RM0368: 84 MHz, 42, 84
        STM32F4_FLAGS,
    ),
    "stm32f4_discovery": (
        {"VOS": 1, "OVER_DRIVE": 0, "WAIT_STATES": 5, "PPRE1": 0b101, "PPRE2": 0b100},  # RM0090: 168 MHz, 42, 84
        STM32F4_FLAGS,
    ),
    "nucleo_f746zg": (
        {"VOS": 3, "OVER_DRIVE": 1, "WAIT_STATES": 7, "PPRE1": 0b101, "PPRE2": 0b100},  # RM0385: 216 MHz, 54, 108
        (*STM32F4_FLAGS, "over-drive", "over-drive-switch"),
    ),
    "nucleo_g0b1re": (
        {"WAIT_STATES": 2, "M": 1, "N": 8, "R": 2},  # RM0444: 64 MHz from 16; 2 wait states above 48 MHz
        ("pll", "wait-states", "switch"),
    ),
    "nucleo_h743zi": (
        # RM0433: 400 MHz from 8, through 2 MHz (range 01), AXI 200 MHz with 2 wait states and WRHIGHFREQ 10, every APB
        # 100
        {"ACR": 0x22, "M": 4, "N": 400, "P": 2, "RANGE": 1, "HPRE": 0b1000, "PPRE": 0b100},
        ("supply", "voltage", "scale", "hse", "pll", "wait-states", "switch"),
    ),
    "nucleo_l476rg": (
        {"WAIT_STATES": 4, "M": 1, "N": 10, "R": 2, "BOOST": 0},  # RM0351: 80 MHz from 16; 4 wait states above 64 MHz
        ("hsi", "pll", "wait-states", "switch"),
    ),
    "nucleo_l4r5zi": (
        {"WAIT_STATES": 5, "M": 2, "N": 30, "R": 2, "BOOST": 1},  # RM0432: 120 MHz from 16; 5 wait states above 100 MHz
        ("hsi", "pll", "wait-states", "switch"),
    ),
    "nucleo_u575zi_q": (
        {"WAIT_STATES": 4, "M": 1, "N": 20, "R": 2, "RANGE": 3},  # RM0456: 160 MHz from 16; 4 wait states above 128 MHz
        ("voltage", "range", "hsi", "pll", "booster", "wait-states", "switch"),
    ),
    "stm32vl_discovery": (
        {"MULTIPLIER": 3, "PPRE1": 0, "PPRE2": 0, "ACR": 0},  # RM0041: 24 MHz everywhere, a flash without wait states
        ("hse", "pll", "switch"),
    ),
}


def stm32_clock(programs: Path, name: str, never: str, late: str = "none") -> tuple[int, int, int]:
    """hz, whether it is the fallback, register accesses."""
    result = stm32(programs, name, f"test_clock_{load(name).clock.DRIVER}", STM32_CLOCKS[name][0], never, late)
    assert result.returncode == 0, result.stderr
    hz, fallback, accesses = map(int, result.stdout.split())
    return hz, fallback, accesses


STM32_FLAGS = [(name, flag) for name, (_, flags) in STM32_CLOCKS.items() for flag in flags]


def test_every_stm32_is_tested() -> None:
    assert set(STM32_CLOCKS) == {board.name for board in load_all() if board.clock.DRIVER.startswith("stm32")}


@pytest.mark.parametrize("name", STM32_CLOCKS)
def test_the_clock_comes_up_by_the_rules_of_the_manual(name: str, programs: Path) -> None:
    hz, fallback, accesses = stm32_clock(programs, name, "none")
    assert (hz, fallback) == (load(name).clock.hz, 0)
    assert accesses < 200


@pytest.mark.parametrize(("name", "late"), STM32_FLAGS)
def test_no_flag_is_counted_on_before_it_came(name: str, late: str, programs: Path) -> None:
    hz, fallback, _ = stm32_clock(programs, name, "none", late)
    assert (hz, fallback) == (load(name).clock.hz, 0)


@pytest.mark.parametrize(("name", "never"), STM32_FLAGS)
def test_a_clock_that_does_not_come_up_is_given_up(name: str, never: str, programs: Path) -> None:
    hz, fallback, accesses = stm32_clock(programs, name, never)
    assert (hz, fallback) == (load(name).clock.fallback_hz, 1)
    assert 65_536 <= accesses < 2 * 65_536  # one flag was waited for in full, and only one


def registers(result: subprocess.CompletedProcess[str]) -> dict[int, int]:
    """Addresses and words that a program printed."""
    assert result.returncode == 0, result.stderr
    return {int(line.split()[0], 16): int(line.split()[1], 16) for line in result.stdout.splitlines()}


def stm32_uart(programs: Path, name: str, reset: dict[int, int]) -> dict[int, int]:
    """What uart_driver_start leaves in the registers, of which some start from their reset values."""
    rows = ", ".join(f"{{{address:#x}, {word:#x}}}" for address, word in reset.items())
    driver = f'"../../hal/uart_{load(name).uart.DRIVER}.c"'
    return registers(stm32(programs, name, "test_usart", {"DRIVER": driver, "RESET": f"{{{rows}}}"}))


def test_the_uart_of_the_nucleo_is_set_up(programs: Path) -> None:
    # RM0390 7.4.1, 7.4.3 and 7.4.4: the debug port's pins; 6.3.10
    reset = {0x40020000: 0xA8000000, 0x40020008: 0x0C000000, 0x4002000C: 0x64000000, 0x40023830: 0x00100000}
    assert stm32_uart(programs, "nucleo_f446re", reset) == {
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


def test_the_uart_on_a_port_of_the_stm32f1_is_set_up(programs: Path) -> None:
    # RM0041 7.2.2: every pin a floating input; 6.3.7
    assert stm32_uart(programs, "stm32vl_discovery", {0x40010804: 0x44444444, 0x40021018: 0}) == {
        0x40021018: 1 << 2 | 1 << 14,  # APB2ENR: IOPAEN, USART1EN
        0x40010810: 1 << 10,  # BSRR, last written: PA10 up
        0x40010804: 0x44444894,  # CRH: PA9 alternate push-pull at 10 MHz, PA10 input with pull, the rest as after reset
        0x40013808: 104,  # BRR: 24 MHz / 230,400
        0x4001380C: 0x202C,  # CR1: UE, RXNEIE, TE, RE
        0xE000E104: 1 << 5,  # ISER1: interrupt 37
    }


MODER_RESET = 0xFFFFFFFF  # RM0351 8.4.1 and the like: every pin analog, on ports but A and B
MODER_A_RESET = 0xABFFFFFF  # PA13 to PA15 are the debug port's
PUPDR_A_RESET = 0x64000000

# Registers that do not start from 0, and all that the driver leaves, by hand from the manual of each chip.
STM32_USART_V2: dict[str, tuple[dict[int, int], dict[int, int]]] = {
    "nucleo_f746zg": (
        {0x40023830: 0x00100000},  # RM0385 5.3.10: the DTCM has its clock
        {
            0x40023830: 0x00100008,  # AHB1ENR: GPIODEN
            0x40023840: 1 << 18,  # APB1ENR: USART3EN
            0x40020C00: 0x000A0000,  # MODER: PD8 and PD9 alternate
            0x40020C08: 0x00050000,  # OSPEEDR: medium
            0x40020C0C: 0x00050000,  # PUPDR: up
            0x40020C24: 0x00000077,  # AFRH: function 7 twice
            0x4000480C: 117,  # BRR: 54 MHz / 460,800
            0x40004800: 0x2D,  # CR1: RXNEIE, TE, RE, UE
            0xE000E104: 1 << 7,  # ISER1: interrupt 39
        },
    ),
    "nucleo_l476rg": (
        {0x48000000: MODER_A_RESET, 0x4800000C: PUPDR_A_RESET},
        {
            0x4002104C: 1,  # AHB2ENR: GPIOAEN
            0x40021058: 1 << 17,  # APB1ENR1: USART2EN
            0x48000000: 0xABFFFFAF,
            0x48000008: 0x00000050,
            0x4800000C: 0x64000050,
            0x48000020: 0x00007700,
            0x4000440C: 174,  # BRR: 80 MHz / 460,800
            0x40004400: 0x2D,
            0xE000E104: 1 << 6,  # ISER1: interrupt 38
        },
    ),
    "nucleo_l4r5zi": (
        {0x48001800: MODER_RESET, 0x40007004: 0},
        {
            0x40021058: 1 << 28,  # APB1ENR1: PWREN
            0x40007004: 1 << 9,  # PWR_CR2: IOSV
            0x4002104C: 1 << 6,  # AHB2ENR: GPIOGEN
            0x4002105C: 1,  # APB1ENR2: LPUART1EN
            0x48001800: 0xFFFEBFFF,  # MODER: PG7 and PG8 alternate
            0x48001808: 0x00014000,
            0x4800180C: 0x00014000,
            0x48001820: 0x80000000,  # AFRL: PG7
            0x48001824: 0x00000008,  # AFRH: PG8
            0x4000800C: 66_667,  # BRR: 256 * 120 MHz / 460,800
            0x40008000: 0x2D,
            0xE000E108: 1 << 6,  # ISER2: interrupt 70
        },
    ),
    "nucleo_h743zi": (
        {0x58020C00: MODER_RESET},
        {
            0x580244E0: 1 << 3,  # AHB4ENR: GPIODEN
            0x580244E8: 1 << 18,  # APB1LENR: USART3EN
            0x58020C00: 0xFFFAFFFF,
            0x58020C08: 0x00050000,
            0x58020C0C: 0x00050000,
            0x58020C24: 0x00000077,
            0x4000480C: 217,  # BRR: 100 MHz / 460,800
            0x40004800: 0x2D,
            0xE000E104: 1 << 7,  # ISER1: interrupt 39
        },
    ),
    "nucleo_g0b1re": (
        {0x50000000: 0xEBFFFFFF, 0x5000000C: 0x24000000},  # PA13 and PA14 are the debug port's
        {
            0x40021034: 1,  # IOPENR: GPIOAEN
            0x4002103C: 1 << 17,  # APBENR1: USART2EN
            0x50000000: 0xEBFFFFAF,
            0x50000008: 0x00000050,
            0x5000000C: 0x24000050,
            0x50000020: 0x00001100,
            0x4000440C: 139,  # BRR: 64 MHz / 460,800
            0x40004400: 0x2D,
            0xE000E100: 1 << 28,  # ISER: interrupt 28
        },
    ),
    "nucleo_u575zi_q": (
        {0x42020000: MODER_A_RESET, 0x4202000C: PUPDR_A_RESET},
        {
            0x46020C8C: 1,  # AHB2ENR1: GPIOAEN
            0x46020CA4: 1 << 14,  # APB2ENR: USART1EN
            0x42020000: 0xABEBFFFF,
            0x42020008: 0x00140000,
            0x4202000C: 0x64140000,
            0x42020024: 0x00000770,
            0x4001380C: 347,  # BRR: 160 MHz / 460,800
            0x40013800: 0x2D,
            0xE000E104: 1 << 29,  # ISER1: interrupt 61
        },
    ),
}


def test_every_second_usart_is_tested() -> None:
    assert set(STM32_USART_V2) == {board.name for board in load_all() if board.uart.DRIVER == "stm32_usart_v2"}


@pytest.mark.parametrize("name", STM32_USART_V2)
def test_the_second_usart_is_set_up(name: str, programs: Path) -> None:
    reset, left = STM32_USART_V2[name]
    assert stm32_uart(programs, name, reset) == left


def test_the_second_usart_hands_on_every_byte_and_counts_every_overrun(programs: Path) -> None:
    result = stm32(programs, "nucleo_f746zg", "test_usart_v2_interrupt", {})
    assert result.returncode == 0, result.stderr


def rp2040_clock(programs: Path, *arguments: str) -> tuple[int, int, int]:
    """hz, whether it is the fallback, register accesses."""
    result = stm32(programs, "pico", "../rp2040/test_clock_rp2040", {}, *arguments)
    assert result.returncode == 0, result.stderr
    hz, fallback, accesses = map(int, result.stdout.split())
    return hz, fallback, accesses


@pytest.mark.parametrize("again", [(), ("again",)])
def test_the_clock_of_the_pico_comes_up_also_after_a_restart_by_software(
    again: tuple[str, ...], programs: Path
) -> None:
    hz, fallback, accesses = rp2040_clock(programs, "none", "none", *again)
    assert (hz, fallback) == (125_000_000, 0)
    assert accesses < 200


RP2040_FLAGS = ("crystal", "reference", "pll-reset", "lock", "core", "resets")


@pytest.mark.parametrize("late", RP2040_FLAGS)
def test_no_flag_of_the_pico_is_counted_on_before_it_came(late: str, programs: Path) -> None:
    hz, fallback, _ = rp2040_clock(programs, "none", late)
    assert (hz, fallback) == (125_000_000, 0)


@pytest.mark.parametrize("never", RP2040_FLAGS)
def test_a_clock_of_the_pico_that_does_not_come_up_is_given_up(never: str, programs: Path) -> None:
    hz, fallback, accesses = rp2040_clock(programs, never)
    assert (hz, fallback) == (12_000_000, 1)
    assert 65_536 <= accesses < 2 * 65_536  # one flag was waited for in full, and only one


def test_the_uart_of_the_pico_is_set_up(programs: Path) -> None:
    assert stm32_uart(programs, "pico", {0x4001C008: 0x56}) == {
        0x4001C008: 0x4A,  # PADS_BANK0 GPIO1: IE, PUE, SCHMITT
        0x40014004: 2,  # GPIO0_CTRL: UART0 TX
        0x4001400C: 2,  # GPIO1_CTRL: UART0 RX
        0x40034030: 1 << 0 | 1 << 8 | 1 << 9,  # UARTCR: UARTEN, TXE, RXE
        0x40034024: 16,  # UARTIBRD: 125 MHz / 16 / 460,800 = 16.95
        0x40034028: 61,  # UARTFBRD: 0.954 in 64ths
        0x4003402C: 3 << 5 | 1 << 4,  # UARTLCR_H: 8 bits, FIFOs
        0x40034034: 0,  # UARTIFLS: an eighth
        0x40034038: 1 << 4 | 1 << 6,  # UARTIMSC: RXIM, RTIM
        0xE000E100: 1 << 20,  # ISER: UART0
    }


def test_the_uart_of_the_nano_is_set_up_on_pins_of_port_1(programs: Path) -> None:
    assert stm32_uart(programs, "nano33", {0x5000080C: 0}) == {
        0x5000080C: 0,
        0x50000808: 1 << 3,  # P1 OUTSET: P1.03 idles high
        0x50000A0C: 0b11,  # P1 PIN_CNF[3]: output
        0x50000A28: 3 << 2,  # P1 PIN_CNF[10]: input with pull-up
        0x4000250C: 1 << 5 | 3,  # PSEL.TXD: port 1, pin 3 (nRF52840 product specification, 6.33.10)
        0x40002514: 1 << 5 | 10,  # PSEL.RXD: port 1, pin 10
        0x40002524: 0x03AF_B000,  # BAUDRATE: 230,400
        0x40002500: 4,  # ENABLE
        0x40002304: 1 << 2 | 1 << 9,  # INTENSET: RXDRDY, ERROR
        0x40002000: 1,  # STARTRX
        0x40002008: 1,  # STARTTX
        0xE000E100: 1 << 2,  # ISER: UART0
    }


@pytest.mark.parametrize(
    ("name", "written"),
    [
        # nrf52840_bitfields.h of Nordic's nrfx: SwDisable to DISABLE, and nothing to FORCEPROTECT, where 0 locks until
        # the next reset
        ("nano33", {0x40000558: 0x5A}),
        ("microbit", {}),
        ("nucleo_f446re", {}),
    ],
)
def test_the_debug_port_of_an_nrf52_alone_is_opened(name: str, written: dict[int, int], programs: Path) -> None:
    assert registers(stm32(programs, name, "test_debug_port", {})) == written


@pytest.mark.parametrize(
    ("dwt", "source"),
    [("locked", 0), ("open", 0), ("absent", 1)],  # 0 DWT, 1 SysTick, as in HELLO
)
def test_cycles_come_from_the_dwt_wherever_there_is_one(dwt: str, source: int, programs: Path) -> None:
    result = stm32(programs, "nucleo_f746zg", "test_cycles", {"__ARM_ARCH_ISA_THUMB": 2}, dwt)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == source


@pytest.mark.parametrize("name", ["nucleo_f746zg", "mps2_an500"])
def test_the_caches_are_emptied_before_they_are_on(name: str, programs: Path) -> None:
    result = stm32(programs, name, "test_caches", {})
    assert result.returncode == 0, result.stderr
