"""Whether something fits a board's memory, what takes the space, and which boards have more. Standard library only.

    parts = (Part("weights and constants", 2892, 0), Part("arena", 0, 688))
    print(table(parts, board))         # the parts, the stack that the board reserves, and what the board has
    excess(parts, board)               # {} if it fits, else bytes too many by kind of memory: {"RAM": 1200}
    roomy(parts, load_all())           # the boards that it would fit

Parts never hold the stack: how large that is says each board. Only memory is compared. An image for another core has
other code, so what is said of a board other than the one that an image was built for is as good as the likeness of
their cores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from boards.board import Board

STACK: Final = "stack"
IN_ALL: Final = "in all"


@dataclass(frozen=True)
class Part:
    """Something that takes memory, in bytes of each kind."""

    name: str
    flash: int
    ram: int


def needed(parts: Iterable[Part], board: Board) -> Part:
    """All parts together with the stack of `board`."""
    parts = tuple(parts)
    flash, ram = sum(part.flash for part in parts), sum(part.ram for part in parts)
    return Part(IN_ALL, flash, ram + board.memory.stack)


def excess(parts: Iterable[Part], board: Board) -> Mapping[str, int]:
    """Bytes beyond the board's budget, by kind of memory; nothing where it suffices."""
    need, budget = needed(parts, board), board.budget
    over = {"flash": need.flash - budget.flash, "RAM": need.ram - budget.ram}
    return {kind: bytes_ for kind, bytes_ in over.items() if bytes_ > 0}


def roomy(parts: Iterable[Part], boards: Iterable[Board]) -> tuple[Board, ...]:
    """Those of `boards` whose budgets suffice."""
    parts = tuple(parts)
    return tuple(board for board in boards if not excess(parts, board))


def table(parts: Sequence[Part], board: Board) -> str:
    """Lines of text: each part, the stack, all together, and what `board` has for them."""
    has = Part(f"{board.name} has", board.budget.flash, board.budget.ram)
    rows = [*parts, Part(STACK, 0, board.memory.stack), needed(parts, board), has]
    width = max(len(row.name) for row in rows)
    lines = [f"{'':{width}}  {'flash':>12}  {'RAM':>12}"]
    lines += [f"{row.name:{width}}  {_bytes(row.flash)}  {_bytes(row.ram)}".rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def advice(parts: Iterable[Part], boards: Iterable[Board]) -> str:
    """A sentence that names the boards with the memory."""
    names = ", ".join(board.short_name for board in roomy(parts, boards))
    return f"Boards that it would fit, by memory: {names}." if names else "No board of boards/ has the memory."


def _bytes(count: int) -> str:
    return f"{count:12,}" if count else f"{'':>12}"
