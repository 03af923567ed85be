"""QEMU: the board's image on a machine that QEMU has, its UART on a TCP socket, its time counted in instructions.

    with boot(board, Path("firmware.elf")) as url:      # "socket://127.0.0.1:40123"
        ...

`-icount shift=N` makes one instruction take 2^N ns of virtual time, so that SysTick, or whatever the board's time base
is, counts instructions; nothing here says how long the part itself would take. TCP and not a PTY, which has been seen
to hold back a frame's last byte.
"""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from boards import Board, Qemu
from contract.errors import KNOWN_FAILURE
from host.errors import HostError

PROGRAM: Final = "qemu-system-arm"

STOP_SECONDS: Final = 5.0
"""QEMU ends within milliseconds of SIGTERM; after this long it hangs and is killed."""


@contextlib.contextmanager
def boot(board: Board, elf: Path) -> Iterator[str]:
    """Run `elf` until the block ends; yields the URL of the board's UART.

    Raises HostError if QEMU is not installed, has no machine for the board, or ends by itself (with what it said).
    """
    machine = _machine(board)
    program = shutil.which(PROGRAM)
    if program is None:
        raise HostError(
            f"{PROGRAM} is not installed.", "Install it with `sudo apt install qemu-system-arm`, or use a real port."
        )
    if not elf.exists():
        raise HostError(
            f"{elf}: no firmware image.",
            f"Build it with `python -m firmware build --run {elf.parents[2]} --board {board.short_name}`.",
        )
    # The socket is bound here and handed over: the port is known before QEMU starts, no other program can take it, and
    # a client may connect at once, before QEMU listens.
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryFile() as said:
        url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [program, *arguments(machine, elf, listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for the host, which then wants to hear the board's counters
        )
        listener.close()
        try:
            yield url
        except HostError as error:
            # If QEMU ended, the lost connection is only the consequence.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)  # a connection is lost a moment before the process has ended
            if process.poll() is None:
                raise
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines()
            words = lines[0] if lines else "nothing"  # a dump of all registers may follow
            raise HostError(
                f"{PROGRAM} ended with status {process.returncode} while running {elf}. It said: {words}",
                f"Check that the image is built for {board.name}.",
                KNOWN_FAILURE,
            ) from error
        finally:
            _stop(process)


def arguments(machine: Qemu, elf: Path, listener: int) -> list[str]:
    """QEMU's command line; `listener` is a file descriptor of a listening TCP socket."""
    unused = ["-serial", "null"] * machine.serial_index
    return [
        *("-machine", machine.machine, "-nographic", "-monitor", "none"),
        *("-icount", f"shift={machine.icount_shift}"),
        *("-chardev", f"socket,id=uart,fd={listener},server=on,wait=off,nodelay=on"),
        *(*unused, "-serial", "chardev:uart"),
        *("-kernel", str(elf)),
    ]


def ticks_hz(board: Board) -> int:
    """What the board's time base counts a second, whatever its firmware takes it for."""
    return _machine(board).ticks_hz


def instructions(board: Board, ticks: float) -> float:
    """Instructions run in so many periods of the time base: ticks / ticks_hz seconds, at 2^shift ns an instruction."""
    machine = _machine(board)
    return ticks / machine.ticks_hz * 1e9 / (1 << machine.icount_shift)


def _machine(board: Board) -> Qemu:
    if board.emulator.qemu is None:
        raise HostError(
            f"{board.name}: its board file names no QEMU machine.",
            "Choose another emulator of the board (`python -m boards`), another board, or use a real port.",
        )
    return board.emulator.qemu


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
