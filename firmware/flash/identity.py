"""Whether the chip behind a probe is the board's: `check("OpenOCD", board, word)`.

Chips of one family take each other's images without complaint: OpenOCD has one configuration for them, their boards
have one USB id, and what was written reads back. So what the chip says of itself (chip.identity of the board file) is
compared before anything is written.
"""

from boards import Board, load_all
from firmware.errors import FirmwareError


def check(name: str, board: Board, word: int) -> None:
    """Raises FirmwareError if `word`, which the tool `name` read from the register, is another chip's."""
    identity = board.chip.identity
    assert identity is not None
    found = word & identity.mask
    if found in identity.ids:
        return
    there = [other.short_name for other in load_all() if other.chip.identity and found in other.chip.identity.ids]
    whose = f"that of {' or '.join(there)}" if there else "which no board here has"
    raise FirmwareError(
        f"{name} found another chip than that of {board.name}, and wrote nothing: its id is {found:#x}, {whose}; expected "
        f"{' or '.join(map(hex, identity.ids))}, {board.chip.part}.",
        f"Build for the board that is there (BOARD={there[0]}), or plug in the {board.title}."
        if there
        else f"Plug in the {board.title}, or name the board that is there with BOARD: `python -m boards` lists them.",
    )
