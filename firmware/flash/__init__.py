"""Programs a board: `flash(elf, board)` with the first back-end that the board file allows and that is there.

    openocd        OpenOCD, through the debug probe                         verifies by itself
    st_flash       st-flash of stlink-tools, through an ST-LINK             verifies by itself
    pyocd          pyOCD, through the debug probe
    uf2            a copy to the volume of a UF2 bootloader
    mass_storage   a copy to the volume of an ST-LINK or a DAPLink

What a back-end does not verify, and that the program runs, `python -m host hello` finds out afterwards. None upgrades
the firmware of a probe. A new back-end is one file with what `BackEnd` lists, and one line in BACK_ENDS.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards import Board
from firmware.errors import FirmwareError, Unreachable
from firmware.flash import mass_storage, openocd, pyocd, st_flash, uf2


@dataclass(frozen=True)
class BackEnd:
    """`allows(board)`: the board file names what it takes. `lacks(board, probe)`: what is to be done before it can be
    tried, None if nothing. `program(elf, board, probe)` programs and resets; raises FirmwareError, Unreachable if there
    is no way to the board. `verifies`: it reads back what it wrote; `copies`: to a volume, which needs no debug probe.
    `probe` is a serial number, or the path of a volume; None: the only one."""

    name: str
    allows: Callable[[Board], bool]
    lacks: Callable[[Board, str | None], str | None]
    program: Callable[[Path, Board, str | None], None]
    verifies: bool = False
    copies: bool = False


BACK_ENDS: Final = (
    BackEnd("OpenOCD", openocd.allows, openocd.lacks, openocd.program, verifies=True),
    BackEnd("st-flash", st_flash.allows, st_flash.lacks, st_flash.program, verifies=True),
    BackEnd("pyOCD", pyocd.allows, pyocd.lacks, pyocd.program),
    BackEnd("UF2 copy", uf2.allows, uf2.lacks, uf2.program, copies=True),
    BackEnd("mass-storage copy", mass_storage.allows, mass_storage.lacks, mass_storage.program, copies=True),
)
"""In order of preference."""


def available(board: Board, probe: str | None = None) -> tuple[BackEnd, ...]:
    """The back-ends that can be tried now, best first. Raises FirmwareError if there is none."""
    allowed = [back_end for back_end in BACK_ENDS if back_end.allows(board)]
    if not allowed:
        raise FirmwareError(
            f"{board.name} has no debug probe: it exists here as an emulated machine only.",
            "Run its image in the emulator, or choose a board with a probe (`python -m boards`).",
        )
    lacking = {back_end.name: back_end.lacks(board, probe) for back_end in allowed}
    found = tuple(back_end for back_end in allowed if lacking[back_end.name] is None)
    if not found:
        raise FirmwareError(
            f"Nothing is there that flashes {board.name}: {', '.join(lacking)} can.",
            " Or: ".join(filter(None, (*lacking.values(), _without_probe(board)))),
        )
    return found


def flash(elf: Path, board: Board, probe: str | None = None) -> BackEnd:
    """Program a board and reset it; returns what did. A back-end that finds no way to the board leaves it to the next
    one.

    Raises FirmwareError: with exit code 3 if no board is there, or it may not be opened.
    """
    found = available(board, probe)
    unreachable: list[FirmwareError] = []
    for back_end, others in ((found[index], found[index + 1 :]) for index in range(len(found))):
        try:
            back_end.program(elf, board, probe)
        except Unreachable as error:
            unreachable.append(error)
            if others:
                print(f"{error.problem} Next: {others[0].name}.", file=sys.stderr)
        else:
            return back_end
    volumes = (
        back_end for back_end in BACK_ENDS if back_end.copies and back_end.allows(board) and back_end not in found
    )
    cures = (
        unreachable[0].next_step,
        *(back_end.lacks(board, probe) for back_end in volumes),
        _without_probe(board),
    )
    raise Unreachable(unreachable[0].problem, " Or: ".join(filter(None, cures)))


def _without_probe(board: Board) -> str | None:
    return f"Without a probe, {board.probe.without}." if board.probe and board.probe.without else None
