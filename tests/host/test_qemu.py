"""The QEMU runner with a real QEMU and a ten-line image that echoes its UART, on the machine of each board."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from boards import Board, Emulator, load, load_all
from host.emulator.qemu import boot, instructions
from host.errors import HostError
from host.link import connect
from host.port import open_port

needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)

# Registers: RM0390 25.6 (USART: status, data, control 1); CMSDK UART, DDI0479 4.3 (data, state, control); nRF51
# reference manual, chapter 29 (enable, start of both directions, RXDRDY, RXD, TXD, TXDRDY).
ECHO = {
    "stm32_usart": """
        REG(0x0C) = 0x200C;                       /* enable, transmitter, receiver */
        for (;;) { while (!(REG(0x00) & 0x20)) {} unsigned byte = REG(0x04); REG(0x04) = byte; }""",
    "cmsdk_uart": """
        REG(0x08) = 0x3;                          /* transmitter, receiver */
        for (;;) { while (!(REG(0x04) & 0x2)) {} unsigned byte = REG(0x00); REG(0x00) = byte; }""",
    "nrf51_uart": """
        REG(0x500) = 4; REG(0x000) = 1; REG(0x008) = 1;
        for (;;) {
            while (!REG(0x108)) {}
            REG(0x108) = 0;
            REG(0x51C) = REG(0x518);
            while (!REG(0x11C)) {}
            REG(0x11C) = 0;
        }""",
}
NUCLEO = load("nucleo")


@pytest.fixture(params=[board.name for board in load_all() if board.emulator.qemu])
def board(request: pytest.FixtureRequest) -> Board:
    return load(request.param)


@pytest.fixture
def echo(board: Board, tmp_path: Path) -> Path:
    """An image for the board that sends back each byte it receives."""
    source, image = tmp_path / "echo.c", tmp_path / "echo.elf"
    source.write_text(f"""
        #define REG(offset) (*(volatile unsigned *)({board.uart.base}u + (offset)))
        void reset(void) {{ {ECHO[board.uart.DRIVER]} }}
        __attribute__((section(".vectors"), used)) const void *const vectors[] = {{
            (const void *){board.memory.ram.origin + 4096}u, (const void *)reset }};
        """)
    script = tmp_path / "echo.ld"
    script.write_text(f"SECTIONS {{ . = {board.memory.flash.origin}; .text : {{ *(.vectors) *(.text*) }} }}")
    # Code for the smallest core runs on all of them.
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb", "-Os", "-nostdlib", "-ffreestanding",
               "-Wl,--build-id=none", "-T", script, source, "-o", image]  # fmt: skip
    subprocess.run(command, check=True)
    return image


@needs_qemu
@needs_compiler
def test_bytes_go_through_the_emulated_uart_and_qemu_ends_with_the_block(board: Board, echo: Path) -> None:
    sent = bytes(range(256)) * 4
    with boot(board, echo) as url:
        port = open_port(url, board.uart.baud)
        try:
            # Like the part, the emulated UART drops what comes before the image has enabled it.
            port.timeout = 0.1
            knocks = 0
            while not port.read(1):
                knocks += 1
                assert knocks < 200, "no echo from the emulated UART"
                port.write(b"?")
            port.timeout = 20.0  # an upper bound: a loaded machine may be slow, a working one needs milliseconds
            port.write(sent)
            received = port.read(len(sent)).lstrip(b"?")
            assert received + port.read(len(sent) - len(received)) == sent
        finally:
            port.close()
    with pytest.raises(HostError, match="nothing answers there"):
        open_port(url, board.uart.baud)


@needs_qemu
@pytest.mark.parametrize(("kind", "words"), [("empty", "fatal: Lockup"), ("folder", "Could not load kernel")])
def test_an_image_that_qemu_cannot_run_is_an_error_with_its_words(tmp_path: Path, kind: str, words: str) -> None:
    image = tmp_path / "not.elf"
    image.touch() if kind == "empty" else image.mkdir()
    with (
        pytest.raises(HostError, match=f"ended with status .* running {image}. It said: .*{words}") as error,
        boot(NUCLEO, image) as url,
    ):
        connect(open_port(url, NUCLEO.uart.baud), url, NUCLEO.name, model_hash=0)
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)


def test_a_missing_image_is_an_error_that_says_how_to_build_it(tmp_path: Path) -> None:
    elf = tmp_path / "digits/firmware/nucleo_f446re/firmware.elf"
    with pytest.raises(HostError, match=r"firmware build --run .*/digits --board nucleo"), boot(NUCLEO, elf):
        pass


def test_a_board_without_a_machine_is_refused(tmp_path: Path) -> None:
    board = dataclasses.replace(NUCLEO, emulator=Emulator())
    with pytest.raises(HostError, match="names no QEMU machine"), boot(board, tmp_path / "firmware.elf"):
        pass


def test_without_qemu_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="apt install qemu-system-arm") as error, boot(NUCLEO, tmp_path / "x.elf"):
        pass
    assert error.value.exit_code == 2


def test_instructions_from_systick_counts() -> None:
    # 25 MHz and 64 ns an instruction: 1.6 counts each, as measured against an instruction-counting plugin.
    assert instructions(load("mps2"), 1600) == pytest.approx(1000)
