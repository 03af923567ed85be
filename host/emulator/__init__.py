"""Emulators: each boots a board's image and offers its UART as a pyserial URL.

    from host.emulator import RUNNERS

    with RUNNERS["qemu"](board, elf) as url:      # "socket://127.0.0.1:40123"
        ...

A new emulator is one new file with a context manager `boot(board, elf)`, and one line in RUNNERS.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from boards import Board
from host.emulator import qemu

RUNNERS: Final[dict[str, Callable[[Board, Path], AbstractContextManager[str]]]] = {
    "qemu": qemu.boot,
}
