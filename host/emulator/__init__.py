"""Emulators: each boots a board's image and offers its UART as a pyserial URL.

    from host.emulator import RUNNERS

    with RUNNERS["qemu"].boot(board, elf) as url:      # "socket://127.0.0.1:40123"
        ...

A new emulator is one new file with what `Runner` lists, and one line in RUNNERS.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards import Board
from host.emulator import qemu, renode, rp2040js


@dataclass(frozen=True)
class Runner:
    """`boot(board, elf)` runs an image; under it, the board's time base counts `ticks_hz(board)` periods a second and
    `instructions(board, ticks)` instructions run in `ticks` periods."""

    boot: Callable[[Board, Path], AbstractContextManager[str]]
    ticks_hz: Callable[[Board], int]
    instructions: Callable[[Board, float], float]


RUNNERS: Final[dict[str, Runner]] = {
    "qemu": Runner(qemu.boot, qemu.ticks_hz, qemu.instructions),
    "renode": Runner(renode.boot, renode.ticks_hz, renode.instructions),
    "rp2040js": Runner(rp2040js.boot, rp2040js.ticks_hz, rp2040js.instructions),
}


def usual(board: Board) -> str:
    """The emulator of a board where none is chosen: the first that its board file names."""
    return next((name for name in RUNNERS if getattr(board.emulator, name) is not None), next(iter(RUNNERS)))
