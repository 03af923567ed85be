"""What fits a board's memory: sums, excess, the boards with more, and the table in words."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from boards import load, load_all
from boards.fit import Part, advice, excess, needed, roomy, table

SIZES = st.integers(0, 5_000_000)
PARTS = st.lists(st.builds(Part, st.sampled_from(("weights", "arena", "application")), SIZES, SIZES), max_size=4)


@given(PARTS)
def test_what_fits_is_what_the_linker_could_place(parts: list[Part]) -> None:
    for board in load_all():
        flash = sum(part.flash for part in parts)
        ram = sum(part.ram for part in parts) + board.memory.stack
        over = excess(parts, board)
        assert over.get("flash", 0) == max(0, flash - board.budget.flash)
        assert over.get("RAM", 0) == max(0, ram - board.budget.ram)
        assert (board in roomy(parts, load_all())) == (not over)


def test_a_board_is_full_at_its_budget_and_not_a_byte_later() -> None:
    board = load("microbit")
    full = Part("all", board.budget.flash, board.budget.ram - board.memory.stack)
    assert not excess([full], board)
    assert needed([full], board) == Part("in all", board.budget.flash, board.budget.ram)
    assert excess([dataclasses.replace(full, ram=full.ram + 1)], board) == {"RAM": 1}
    assert excess([dataclasses.replace(full, flash=full.flash + 1)], board) == {"flash": 1}


def test_the_table_has_every_part_the_stack_and_what_the_board_has() -> None:
    board = load("nucleo")
    lines = table((Part("weights", 70_000, 0), Part("application", 6_000, 1_234)), board).splitlines()
    assert [line.split() for line in lines] == [
        ["flash", "RAM"],
        ["weights", "70,000"],
        ["application", "6,000", "1,234"],
        ["stack", f"{board.memory.stack:,}"],
        ["in", "all", "76,000", f"{1_234 + board.memory.stack:,}"],
        ["nucleo_f446re", "has", f"{board.budget.flash:,}", f"{board.budget.ram:,}"],
    ]
    assert {len(line) for line in lines if line.split()[0] != "weights"} == {len(lines[0])}


def test_advice_names_the_boards_that_suffice_and_says_so_if_none_does() -> None:
    said = advice([Part("arena", 0, 100_000)], load_all())
    assert " nucleo" in said and "microbit" not in said
    assert "No board" in advice([Part("arena", 0, 1 << 32)], load_all())
