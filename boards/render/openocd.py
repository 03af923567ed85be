"""OpenOCD's command lines: `render(board, image)` returns the arguments that program, verify and reset,
`identify(board)` those that read the word by which the chip says what it is."""

from pathlib import Path

from boards.board import Board
from boards.errors import BoardError


def render(board: Board, image: Path, serial: str | None = None) -> tuple[str, ...]:
    """`serial` is that of the probe, if there are several. Raises BoardError for a board without a debug probe."""
    # Braces quote a path with spaces in Tcl.
    return (*_open(board, serial), "-c", f"program {{{image}}} verify reset exit")


def identify(board: Board, serial: str | None = None) -> tuple[str, ...]:
    """OpenOCD says `0xADDRESS: WORD` then, and the board runs on. The board file has chip.identity. Raises as
    render()."""
    assert board.chip.identity is not None
    read = f"mdw {board.chip.identity.register:#x}"
    # Halted after a reset, as `program` does it: a program that sleeps or crashes is not in the way.
    steps = (word for step in ("init", "reset halt", read, "reset run", "shutdown") for word in ("-c", step))
    return (*_open(board, serial), *steps)


def _open(board: Board, serial: str | None) -> tuple[str, ...]:
    if board.probe is None:
        raise BoardError(
            f"{board.name} has no debug probe: it exists here as an emulated machine only.",
            "Run its image in the emulator, or choose a board with a probe (`python -m boards`).",
        )
    configurations = (word for file in board.probe.openocd.split() for word in ("-f", file))
    select = () if serial is None else ("-c", f"adapter serial {{{serial}}}")
    return ("openocd", *configurations, *select)
