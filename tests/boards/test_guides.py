"""The bring-up guides: every board is on exactly one page, with the figures of its board file, and every file that they
name is there."""

import re
from pathlib import Path

import pytest

from boards import Board, load_all
from firmware.flash import BACK_ENDS

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs/bring_up").glob("*.md"))


def rows(board: Board) -> list[tuple[Path, list[str]]]:
    """Rows of tables that begin with the board."""
    found = []
    for path in GUIDES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"| {board.title}, `{board.short_name}` |"):
                found.append((path, [cell.strip() for cell in line.strip("|").split("|")]))
    return found


@pytest.mark.parametrize("board", load_all(), ids=lambda board: board.name)
def test_every_board_is_on_one_page_with_the_figures_of_its_file(board: Board) -> None:
    listed = rows(board)
    assert len(listed) == 1, f"{board.name}: on {len(listed)} pages of docs/bring_up, expected one"
    cells = listed[0][1]
    if board.probe is None:
        assert board.emulator.qemu and cells[1:] == [board.emulator.qemu.machine, board.chip.core]
        return
    tools = ", ".join(each.name for each in BACK_ENDS if each.allows(board))
    assert cells[2:] == [f"{board.uart.baud:,}", " or ".join(board.probe.usb), tools]
    if pins := getattr(board.uart, "pins", ()):
        assert cells[1] == " and ".join(pin.name for pin in pins)


def test_no_page_lists_what_is_no_board() -> None:
    known = {f"{board.title}, `{board.short_name}`" for board in load_all()}
    for path in GUIDES:
        for named in re.findall(r"^\| ([^|]*, `\w+`) \|", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert named in known, (path.name, named)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_pages_say_that_no_board_has_been_run_and_name_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"[Nn]ot run on hardware|No board of ours has been run on hardware|never run on it", text)
    for link in re.findall(r"\]\(([\w.]+)\)", text):
        assert (path.parent / link).is_file(), link
    for named in re.findall(r"\b(?:boards|scripts)/[\w/*.-]*\w\.(?:toml|rules|sh|py)", text):
        assert list(ROOT.glob(named)), named
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in re.findall(r"\bmake ((?:[a-z-]+ )+)[A-Z]+=", text):
        assert set(line.split()) <= verbs, line


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_pages_name_the_boards_that_no_emulator_has_run(path: Path) -> None:
    """Renode's platforms were never loaded."""
    here = [board for board in load_all() if any(page == path for page, _ in rows(board))]
    untried = {board.short_name for board in here if not board.emulator.qemu and not board.emulator.rp2040js}
    said = re.search(r"run in no emulator: ((?:`\w+`,?\s?)+)", path.read_text(encoding="utf-8"))
    assert set(re.findall(r"\w+", said[1]) if said else ()) == untried


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/bring_up/README.md").read_text(encoding="utf-8")
    assert {path.name for path in GUIDES} - {"README.md"} == set(re.findall(r"^\| \[([\w.]+)\]", index, re.MULTILINE))
