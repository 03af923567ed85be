"""Board files against the vendors' numbers, typed here a second time from their documents, and against other tools."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from boards import Board, load, load_all
from boards.cores import NO_FPU, flags
from boards.load import FOLDER

# Product pages and data sheets; flash and SRAM in Kbytes:
#   STM32F446RE   DS10693: 180 MHz, 512, 128
#   RP2040        133 MHz at most, 264 of SRAM; the Pico has 2048 of flash and, as delivered, 125 MHz
#   STM32F401RE   DS10086: 84 MHz, 512, 96
#   STM32F407VG   DS8626: 168 MHz, 1024, 128 beside 64 of core-coupled memory
#   STM32F746ZG   DS10916: 216 MHz, 1024, 320
#   STM32L476RG   DS10198: 80 MHz, 1024, 96 in one piece of 128
#   STM32L4R5ZI   DS12023: 120 MHz, 2048, 640
#   STM32H743ZI   DS12110: 400 MHz in both revisions of the silicon, 2048, 512 in one piece of 1056
#   STM32G0B1RE   DS13560: 64 MHz, 512, 144
#   STM32U575ZI   DS13737: 160 MHz, 2048, 768 in one piece of 786
#   STM32F100RB   DS6517: 24 MHz, 128, 8
#   nRF51822-QFAA: 16 MHz, 256, 16
#   Arm's application notes AN385, AN386, AN500, AN505, AN547
FIGURES = {
    "nucleo_f446re": {"mhz": 180, "flash_kib": 512, "ram_kib": 128, "uart": 0x40004400, "interrupt": 38},
    "nucleo_f401re": {"mhz": 84, "flash_kib": 512, "ram_kib": 96, "uart": 0x40004400, "interrupt": 38},
    "nucleo_f746zg": {"mhz": 216, "flash_kib": 1024, "ram_kib": 320, "uart": 0x40004800, "interrupt": 39},
    "nucleo_l476rg": {"mhz": 80, "flash_kib": 1024, "ram_kib": 96, "uart": 0x40004400, "interrupt": 38},
    "nucleo_l4r5zi": {"mhz": 120, "flash_kib": 2048, "ram_kib": 640, "uart": 0x40008000, "interrupt": 70},
    "nucleo_h743zi": {"mhz": 400, "flash_kib": 2048, "ram_kib": 512, "uart": 0x40004800, "interrupt": 39},
    "nucleo_g0b1re": {"mhz": 64, "flash_kib": 512, "ram_kib": 144, "uart": 0x40004400, "interrupt": 28},
    "nucleo_u575zi_q": {"mhz": 160, "flash_kib": 2048, "ram_kib": 768, "uart": 0x40013800, "interrupt": 61},
    "stm32f4_discovery": {"mhz": 168, "flash_kib": 1024, "ram_kib": 128, "uart": 0x40004400, "interrupt": 38},
    "stm32vl_discovery": {"mhz": 24, "flash_kib": 128, "ram_kib": 8, "uart": 0x40013800, "interrupt": 37},
    "mps2_an385": {"mhz": 25, "flash_kib": 4096, "ram_kib": 4096, "uart": 0x40004000, "interrupt": 0},
    "mps2_an386": {"mhz": 25, "flash_kib": 4096, "ram_kib": 4096, "uart": 0x40004000, "interrupt": 0},
    "mps2_an500": {"mhz": 25, "flash_kib": 4096, "ram_kib": 4096, "uart": 0x40004000, "interrupt": 0},
    "mps2_an505": {"mhz": 20, "flash_kib": 4096, "ram_kib": 4096, "uart": 0x50200000, "interrupt": 32},
    "mps3_an547": {"mhz": 32, "flash_kib": 512, "ram_kib": 512, "uart": 0x59303000, "interrupt": 33},
    "raspberry_pi_pico": {"mhz": 125, "flash_kib": 2048, "ram_kib": 264, "uart": 0x40034000, "interrupt": 20},
    # nRF52840: 64 MHz, 1024 of flash, of which Arduino's bootloader has 64, and 256 of RAM
    "arduino_nano_33_ble_sense": {"mhz": 64, "flash_kib": 960, "ram_kib": 256, "uart": 0x40002000, "interrupt": 2},
    "bbc_microbit": {"mhz": 16, "flash_kib": 256, "ram_kib": 16, "uart": 0x40002000, "interrupt": 2},
}


# What drives the probe of that USB id: ST-LINKs, a CMSIS-DAP.
ADAPTERS = {
    "0483:3744": "hla", "0483:3748": "hla", "0483:374b": "hla", "0483:374e": "hla", "0d28:0204": "cmsis-dap", "2e8a:000c": "cmsis-dap",
}  # fmt: skip


# The device id codes of the chips: config/chips/*.chip of stlink 1.8, and of the nRF52840 MDK/nrf52840.svd, INFO.PART.
IDENTITIES = {
    "arduino_nano_33_ble_sense": 0x52840, "nucleo_f401re": 0x433, "nucleo_f446re": 0x421, "nucleo_f746zg": 0x449, "nucleo_g0b1re": 0x467,
    "nucleo_h743zi": 0x450, "nucleo_l476rg": 0x415, "nucleo_l4r5zi": 0x470, "nucleo_u575zi_q": 0x482, "stm32f4_discovery": 0x413,
    "stm32vl_discovery": 0x420,
}  # fmt: skip


@pytest.fixture(params=[board.name for board in load_all()])
def board(request: pytest.FixtureRequest) -> Board:
    return load(request.param)


def test_every_board_has_figures_to_be_held_against(board: Board) -> None:
    assert board.name in FIGURES


def test_the_chips_own_id(board: Board) -> None:
    identity = board.chip.identity
    assert (identity.ids[0] if identity else None) == IDENTITIES.get(board.name)
    if board.chip.part.startswith("STM32"):  # where stlink reads it: src/stlink-lib/common.c, stlink_chip_id
        by_family = {"STM32H7": 0x5C00_1000, "STM32G0": 0x4001_5800, "STM32U5": 0xE004_4000}
        assert identity and identity.register == by_family.get(board.chip.part[:7], 0xE004_2000)


def test_pyocd_is_not_named_for_an_st_link_v1(board: Board) -> None:
    """The first that it knows is the ST-LINK/V2 (pyocd/probe/stlink/usb.py, USB_PID_EP_MAP)."""
    if board.probe and "0483:3744" in board.probe.usb:
        assert board.probe.pyocd is None


def test_boards_that_openocd_cannot_tell_apart_have_different_ids() -> None:
    seen: dict[str, set[int]] = {}
    for board in load_all():
        if board.probe and board.chip.part.startswith("STM32"):
            ids = set(board.chip.identity.ids) if board.chip.identity else set()
            before = seen.setdefault(board.probe.openocd, set())
            assert ids and not ids & before, board.name
            before |= ids


def test_memory_clock_and_uart(board: Board) -> None:
    figures = FIGURES[board.name]
    assert board.clock.hz == figures["mhz"] * 1_000_000
    assert board.memory.flash.length == figures["flash_kib"] * 1024
    assert board.memory.ram.length == figures["ram_kib"] * 1024
    assert (board.uart.base, board.uart.interrupt) == (figures["uart"], figures["interrupt"])


def test_register_words_of_the_nucleos_clock() -> None:
    # RM0390 6.3.2 by hand: PLLM 4, PLLN 180 << 6, PLLP /2 is 0 << 16, PLLSRC HSE 1 << 22, PLLQ 8 << 24, PLLR 2 << 28;
    # 6.3.3: PPRE1 /4 is 101 << 10, PPRE2 /2 is 100 << 13; 3.8.1: 5 wait states, prefetch, both caches.
    assert load("nucleo").clock.words() == {
        "PLLCFGR": 4 + (180 << 6) + (1 << 22) + (8 << 24) + (2 << 28),
        "CFGR": (0b101 << 10) + (0b100 << 13),
        "FLASH_ACR": 5 + (0b111 << 8),
        "HSE": 1,
        "HSE_BYPASS": 1,
        "VOS": 0b11 << 14,  # 5.4.1: scale 1
        "OVER_DRIVE": 1,
    }


def test_register_words_of_the_other_stm32f4_clocks() -> None:
    # RM0368 6.3.2 by hand: PLLM 4, PLLN 168, PLLP /4 is 1 << 16, PLLSRC HSE, PLLQ 7; PPRE1 /2 is 100, PPRE2 undivided;
    # 5.4.1: scale 2 is 10; table 6: 2 wait states above 60 MHz.
    assert load("nucleo_f401re").clock.words() == {
        "PLLCFGR": 4 + (168 << 6) + (1 << 16) + (1 << 22) + (7 << 24) + (2 << 28),
        "CFGR": 0b100 << 10,
        "FLASH_ACR": 2 + (0b111 << 8),
        "HSE": 1,
        "HSE_BYPASS": 1,
        "VOS": 0b10 << 14,
        "OVER_DRIVE": 0,
    }
    # RM0090 7.3.2 likewise: PLLP /2; PPRE1 /4, PPRE2 /2; 5.4.1: bit 14 is scale 1; table 10: 5 wait states above 150
    # MHz.
    assert load("stm32f4_discovery").clock.words() == {
        "PLLCFGR": 4 + (168 << 6) + (1 << 22) + (7 << 24) + (2 << 28),
        "CFGR": (0b101 << 10) + (0b100 << 13),
        "FLASH_ACR": 5 + (0b111 << 8),
        "HSE": 1,
        "HSE_BYPASS": 0,
        "VOS": 1 << 14,
        "OVER_DRIVE": 0,
    }


def test_register_words_of_the_stm32f7_clock() -> None:
    # RM0385 5.3.2 by hand: PLLM 4, PLLN 216, PLLP /2, PLLSRC HSE, PLLQ 9, bits 28 to 31 as after reset (0x2400 3010);
    # 5.3.3: PPRE1 /4, PPRE2 /2; table 7: 7 wait states above 210 MHz; 4.4.1: scale 1.
    assert load("nucleo_f746zg").clock.words() == {
        "PLLCFGR": 4 + (216 << 6) + (1 << 22) + (9 << 24) + (2 << 28),
        "CFGR": (0b101 << 10) + (0b100 << 13),
        "FLASH_ACR": 7,
        "HSE": 1,
        "HSE_BYPASS": 1,
        "VOS": 0b11 << 14,
        "OVER_DRIVE": 1,
    }


def test_register_words_of_the_internal_oscillators_clocks() -> None:
    # RM0351, RCC_PLLCFGR by hand: HSI16 is 10, PLLM 1 is 0 << 4, PLLN 10 << 8, PLLREN 1 << 24, PLLR /2 is 00 << 25;
    # FLASH_ACR: 4 wait states above 64 MHz in range 1, prefetch, both caches.
    assert load("nucleo_l476rg").clock.words() == {
        "PLLCFGR": 2 + (10 << 8) + (1 << 24), "CFGR": 0, "FLASH_ACR": 4 + (7 << 8), "BOOST": 0,
    }  # fmt: skip
    # RM0432 likewise: PLLM 2 is 1 << 4, PLLN 30; 5 wait states above 100 MHz; boost mode above 80 MHz.
    assert load("nucleo_l4r5zi").clock.words() == {
        "PLLCFGR": 2 + (1 << 4) + (30 << 8) + (1 << 24), "CFGR": 0, "FLASH_ACR": 5 + (7 << 8), "BOOST": 1,
    }  # fmt: skip
    # RM0444: PLLM 1, PLLN 8, PLLREN 1 << 28, PLLR /2 is 001 << 29; 2 wait states above 48 MHz, prefetch, instruction
    # cache.
    assert load("nucleo_g0b1re").clock.words() == {
        "PLLCFGR": 2 + (8 << 8) + (1 << 28) + (1 << 29), "CFGR": 0, "FLASH_ACR": 2 + (3 << 8),
    }  # fmt: skip
    # RM0456: HSI16 is 10, PLL1RGE 11 from 8 to 16 MHz, PLL1M 1 is 0 << 8, PLL1MBOOST 0, PLL1REN 1 << 18; PLL1N 20 is
    # 19, P and Q /2 are 1, PLL1R /2 is 1 << 24; 4 wait states above 128 MHz in range 1, prefetch.
    assert load("nucleo_u575zi_q").clock.words() == {
        "PLL1CFGR": 2 + (3 << 2) + (1 << 18), "PLL1DIVR": 19 + (1 << 9) + (1 << 16) + (1 << 24), "CFGR2": 0,
        "FLASH_ACR": 4 + (1 << 8),
    }  # fmt: skip


def test_register_words_of_the_stm32h7_clock() -> None:
    # RM0433 by hand: HSE is 10, DIVM1 4 << 4; PLL1RGE 01 from 2 to 4 MHz, wide VCO, DIVP1EN 1 << 16; DIVN1 400 is 399,
    # DIVP1 2 is 1 << 9, Q and R as after reset; HPRE /2 is 1000, every PPRE /2 is 100; 2 wait states and WRHIGHFREQ 10
    # at 200 MHz, scale 1.
    assert load("nucleo_h743zi").clock.words() == {
        "PLLCKSELR": 2 + (4 << 4),
        "PLLCFGR": (1 << 2) + (1 << 16),
        "PLL1DIVR": 399 + (1 << 9) + (1 << 16) + (1 << 24),
        "D1CFGR": 0b1000 + (0b100 << 4),
        "D2CFGR": (0b100 << 4) + (0b100 << 8),
        "D3CFGR": 0b100 << 4,
        "FLASH_ACR": 2 + (0b10 << 4),
        "HSE": 1,
        "HSE_BYPASS": 1,
    }


def test_register_words_of_the_stm32f1_clock() -> None:
    # RM0041 6.3.2 by hand: PLLSRC HSE 1 << 16, PLLMUL x3 is 0001 << 18; buses undivided; no wait states (24 MHz at
    # most).
    clock = load("stm32vl_discovery").clock
    assert clock.words() == {"CFGR": (1 << 16) + (1 << 18), "FLASH_ACR": 0, "HSE": 1, "HSE_BYPASS": 0}
    # An STM32F103 at 72 MHz, RM0008 7.3.2 and 3.3.3: x9 is 0111, APB1 / 2 is 100 << 8; 2 wait states, prefetch.
    fast = dataclasses.replace(  # type: ignore[type-var]
        clock, hz=72_000_000, pll_multiplier=9, apb1_divider=2, max_hz=72_000_000, max_apb1_hz=36_000_000,
        max_apb2_hz=72_000_000,
    )  # fmt: skip
    fast.check()
    assert fast.words() == {
        "CFGR": (0b100 << 8) + (1 << 16) + (7 << 18), "FLASH_ACR": 2 + (1 << 4), "HSE": 1, "HSE_BYPASS": 0,
    }  # fmt: skip


def test_register_words_of_the_picos_clock_and_baud_rate() -> None:
    # RP2040 data sheet: 2.16.3 startup delay of 1 ms in 256ths; 2.18.4 PRIM with 6 and 2; 2.14.3 RESET; by DDI0183
    # 3.3.6 115,200 from 125 MHz is 67.82: 67 and 52/64
    pico = load("pico")
    assert pico.clock.words() == {"STARTUP": 47, "FEEDBACK": 125, "DIVIDERS": 0x62000, "RESETS": 0x400120}
    uart = dataclasses.replace(pico.uart, baud=115_200)  # type: ignore[type-var]
    assert divmod(uart.divisor(125_000_000), 64) == (67, 52)


def test_register_value_of_the_microbits_baud_rate() -> None:
    # nRF51 reference manual, chapter 29, BAUDRATE
    values = {9_600: 0x0027_5000, 115_200: 0x01D7_E000, 230_400: 0x03AF_B000, 1_000_000: 0x1000_0000}
    for baud, value in values.items():
        uart = dataclasses.replace(load("microbit").uart, baud=baud)  # type: ignore[type-var]
        assert uart.divisor(16_000_000) == value


def test_every_figure_is_in_a_file_that_names_its_sources(board: Board) -> None:
    text = (FOLDER / f"{board.name}.toml").read_text()
    assert "# " in text.splitlines()[0]
    assert "Sources of the figures" in text


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
def test_the_compiler_knows_core_and_fpu(board: Board, tmp_path: Path) -> None:
    source = tmp_path / "empty.c"
    source.write_text("float f(float a) { return a * a; }\n")
    chip = board.chip
    command = ["arm-none-eabi-gcc", *flags(chip.core, chip.fpu), "-O1", "-S", "-o", "-", str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ("__aeabi_fmul" if chip.fpu == NO_FPU else "vmul.f32") in result.stdout


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_qemu_has_the_machine(board: Board) -> None:
    if board.emulator.qemu is None:
        pytest.skip(f"{board.name} has no QEMU machine")
    listed = subprocess.run(["qemu-system-arm", "-M", "help"], capture_output=True, text=True, check=True).stdout
    assert board.emulator.qemu.machine in {line.split()[0] for line in listed.splitlines()}


@pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not installed")
def test_openocd_ships_the_configuration(board: Board) -> None:
    if board.probe is None:
        pytest.skip(f"{board.name} has no debug probe")
    # Without `init` nothing is opened: this only reads the configuration.
    command = [
        "openocd",
        *(word for file in board.probe.openocd.split() for word in ("-f", file)),
        "-c",
        "echo [adapter name]; echo [target names]; exit",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "Can't find" not in result.stderr
    assert all(ADAPTERS[usb] in result.stderr + result.stdout for usb in board.probe.usb)
