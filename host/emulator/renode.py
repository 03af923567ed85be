"""Renode: the board's image on a platform rendered from its board file, its UART on a TCP socket.

    with boot(board, Path("firmware.elf")) as url:      # "socket://127.0.0.1:40123"
        ...

One instruction is one period of the clock that the firmware falls back to (boards/render/renode.py), so that the DWT
and SysTick count instructions; nothing here says how long the part itself would take.

Renode has no Debian package and was not at hand where this was written: the command line follows what was tried with
release 1.16.1, but this runner itself has been run with a stand-in only (tests/host/test_renode.py). Renode 1.16.1
listens on all interfaces, not on loopback alone, as long as the block lasts.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import renode
from host.errors import HostError

PROGRAM: Final = "renode"

UNPACK: Final = "sh scripts/renode.sh ~/renode && export PATH=~/renode:$PATH"
"""The pinned release, checked; the script is in the repository."""

INSTALL: Final = f"Run `{UNPACK}`; for renode-test also `pip install -r ~/renode/tests/requirements.txt`."

START_SECONDS: Final = 60.0
"""Renode takes 3 s of processor time to start; a loaded machine may need many times that."""

STOP_SECONDS: Final = 5.0


@contextlib.contextmanager
def boot(board: Board, elf: Path) -> Iterator[str]:
    """Run `elf` until the block ends; yields the URL of the board's UART.

    Raises HostError if Renode is not installed, the board file names no Renode platform, or Renode ends by itself.
    """
    program = require(PROGRAM)
    if not elf.exists():
        raise HostError(
            f"{elf}: no firmware image.",
            f"Build it with `python -m firmware build --run {elf.parents[2]} --board {board.short_name}`.",
        )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        script = renode.write(board, Path(folder))
        port = _free_port()
        process = subprocess.Popen(
            [program, *arguments(board, elf, script, port)],
            stdin=subprocess.PIPE,  # kept open: at the end of its input the console would spin
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for the host; and the wrapper script and its child end together
        )
        try:
            if not _listens(port, process):
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise HostError(
                    f"{PROGRAM} did not open its port while starting {elf} (exit status {process.poll()}). It said: "
                    f"{lines[-1] if lines else 'nothing'}",
                    f"Check that {program} runs, and that it is release 1.16.",
                )
            yield f"socket://127.0.0.1:{port}"
        finally:
            _stop(process)


def ticks_hz(board: Board) -> int:
    """SysTick and the DWT run at the clock that the firmware falls back to."""
    return board.clock.fallback_hz


def instructions(board: Board, ticks: float) -> float:
    """The platform runs one instruction in each period."""
    return ticks


def require(program: str) -> str:
    """The path of a program of Renode's. Raises HostError if it is not on PATH."""
    path = shutil.which(program)
    if path is None:
        raise HostError(f"{program} is not on PATH.", INSTALL)
    return path


def arguments(board: Board, elf: Path, script: Path, port: int) -> list[str]:
    """Renode's command line: load the script, put the link's UART on a TCP port without telnet's bytes, go."""
    commands = (
        f"set bin {monitor_path(elf)}",
        f"include {monitor_path(script)}",
        f'emulation CreateServerSocketTerminal {port} "link" false',
        f"connector Connect {renode.uart(board)} link",
        "start",
    )
    return ["--disable-gui", "--console", "--plain", "-e", "; ".join(commands)]


def monitor_path(path: Path) -> str:
    """A path as Renode's monitor takes it: behind an @, blanks escaped."""
    return "@" + str(path.resolve()).replace(" ", "\\ ")


def _free_port() -> int:
    """A port that nobody listens on now. Renode takes a number only, so another program could still be faster."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait for Renode to listen; False if it ends before, or takes longer than START_SECONDS."""
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask Renode to quit; end its process group if it does not."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.write(b"quit\n")
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
