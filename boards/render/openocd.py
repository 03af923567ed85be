"""OpenOCD's command line: `render(board, image)` returns the arguments that program, verify and reset."""

from pathlib import Path

from boards.board import Board
from boards.errors import BoardError


def render(board: Board, image: Path) -> tuple[str, ...]:
    """Raises BoardError for a board without a debug probe."""
    if board.probe is None:
        raise BoardError(
            f"{board.name} has no debug probe: it exists here as an emulated machine only.",
            "Run its image in the emulator, or choose a board with a probe (`python -m boards`).",
        )
    # Braces quote a path with spaces in Tcl.
    return ("openocd", "-f", board.probe.openocd, "-c", f"program {{{image}}} verify reset exit")
