"""rp2040js: the image of an RP2040 board in Wokwi's emulator, its UART on a TCP socket.

    with boot(board, Path("firmware.elf")) as url:      # "socket://127.0.0.1:40123"
        ...

rp2040js is a library for Node.js; rp2040js.cjs beside this file is the program around it. One instruction is one period
of the core's clock, so that SysTick counts instructions; nothing here says how long the part itself would take. It has
no boot ROM, no flash timing, and a PLL that is always locked.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from boards import Board
from host.errors import HostError

PROGRAM: Final = "node"
SCRIPT: Final = Path(__file__).with_suffix(".cjs")

INSTALL: Final = "Install Node.js 18 or newer (apt-get install nodejs npm), then run `sh scripts/rp2040js.sh`."

STOP_SECONDS: Final = 5.0
"""It ends within milliseconds of the end of its input; after this long it hangs and is killed."""


@contextlib.contextmanager
def boot(board: Board, elf: Path) -> Iterator[str]:
    """Run the .bin beside `elf` until the block ends; yields the URL of the board's UART.

    Raises HostError if Node.js or rp2040js is not installed, the board is none of the RP2040, or the emulator ends by
    itself.
    """
    if board.emulator.rp2040js is None:
        raise HostError(
            f"{board.name}: its board file does not name rp2040js.", "Choose another emulator, or use a real port."
        )
    require()
    image = elf.with_suffix(".bin")
    if not image.exists():
        raise HostError(
            f"{image}: no firmware image.",
            f"Build it with `python -m firmware build --run {elf.parents[2]} --board {board.short_name}`.",
        )
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [PROGRAM, SCRIPT, image.resolve()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for the host, which then wants to hear the board's counters
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            if not port.isdecimal():
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise HostError(f"rp2040js did not run {image}. It said: {lines[-1] if lines else 'nothing'}", INSTALL)
            yield f"socket://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def require() -> str:
    """The version of rp2040js. Raises HostError if it, or Node.js, is not there."""
    if shutil.which(PROGRAM) is None:
        raise HostError(f"{PROGRAM} is not on PATH.", INSTALL)
    result = subprocess.run([PROGRAM, SCRIPT], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = (result.stderr.strip().splitlines() or ["nothing"])[-1]
        raise HostError(f"{SCRIPT.name} does not run: {words}.", INSTALL)
    return result.stdout.strip()


def ticks_hz(board: Board) -> int:
    """SysTick counts the core's clock."""
    return board.clock.hz


def instructions(board: Board, ticks: float) -> float:
    """One instruction runs in each period."""
    return ticks
