"""OpenOCD's command line: `render(board, image)` returns the arguments that program, verify and reset."""

from pathlib import Path

from boards.board import Board
from boards.errors import BoardError


def render(board: Board, image: Path, serial: str | None = None) -> tuple[str, ...]:
    """`serial` is that of the probe, if there are several. Raises BoardError for a board without a debug probe."""
    if board.probe is None:
        raise BoardError(
            f"{board.name} has no debug probe: it exists here as an emulated machine only.",
            "Run its image in the emulator, or choose a board with a probe (`python -m boards`).",
        )
    configurations = (word for file in board.probe.openocd.split() for word in ("-f", file))
    select = () if serial is None else ("-c", f"adapter serial {{{serial}}}")
    # Braces quote a path with spaces in Tcl.
    return ("openocd", *configurations, *select, "-c", f"program {{{image}}} verify reset exit")
