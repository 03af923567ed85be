"""The GNU ld script of a board: `render(board)` returns link.ld."""

from pathlib import Path
from string import Template
from typing import Final

from boards.board import Board

TEMPLATE: Final = Path(__file__).parents[1] / "templates" / "link.ld.in"


def render(board: Board) -> str:
    memory = board.memory
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        board=board.name,
        flash_origin=f"{memory.flash.origin:#010x}",
        flash_length=memory.flash.length,
        ram_origin=f"{memory.ram.origin:#010x}",
        ram_length=memory.ram.length,
        stack=memory.stack,
    )
