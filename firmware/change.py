"""What became larger or smaller since another build: `markdown(changes(RunFolder(Path("runs/digits")),
RunFolder(Path("../main/runs/digits"))))`.

    python -m firmware size --run runs/digits --against ../main/runs/digits    every board that either of them has an image for, as Markdown

Reads size.json of both, so neither is built here. Standard library only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from boards import load_all
from boards.fit import Part
from contract.run_folder import RunFolder
from firmware.errors import FirmwareError

NOTHING: Final = Part("", 0, 0)


@dataclass(frozen=True)
class Change:
    """A board's image in bytes, stack included, `before` and `now`; None where there is none. `parts` are those of
    another size than before."""

    board: str
    before: Part | None
    now: Part | None
    parts: tuple[tuple[str, Part, Part], ...]


def changes(run: RunFolder, against: RunFolder) -> tuple[Change, ...]:
    """One for each board, by name. Raises FirmwareError if neither folder has an image, or a size.json is none."""
    found = []
    for board in load_all():
        before, now = (_read(folder.firmware(board.name) / "size.json") for folder in (against, run))
        if before or now:
            found.append(Change(board.name, _total(before), _total(now), _parts(before, now)))
    if not found:
        raise FirmwareError(
            f"Neither {run.path} nor {against.path} has an image for any board.",
            f"Build one with `python -m firmware build --run {run.path}`.",
        )
    return tuple(found)


def markdown(found: Sequence[Change]) -> str:
    """A table of all boards, and under it a line for each whose parts changed."""
    lines = ["| board | flash, bytes | change | RAM, bytes | change |", "| --- | ---: | ---: | ---: | ---: |"]
    for change in found:
        cells = [*_cells(change.before, change.now, "flash"), *_cells(change.before, change.now, "ram")]
        lines.append(f"| {change.board} | {' | '.join(cells)} |")
    details = []
    for change in found:
        told = [f"{name} {' and '.join(_kinds(before, now))}" for name, before, now in change.parts]
        if told:
            details.append(f"- {change.board}: {'; '.join(told)}")
    return "\n".join([*lines, *(["", *details] if details else [])]) + "\n"


def _kinds(before: Part, now: Part) -> list[str]:
    sizes = (("flash", before.flash, now.flash), ("RAM", before.ram, now.ram))
    return [f"{new - old:+,} of {kind}" for kind, old, new in sizes if new != old]


def _cells(before: Part | None, now: Part | None, kind: str) -> tuple[str, str]:
    """What it is now, and by how much it changed."""
    if now is None:
        return "", "gone"
    size: int = getattr(now, kind)
    if before is None:
        return f"{size:,}", "new"
    old: int = getattr(before, kind)
    return f"{size:,}", f"{size - old:+,} ({size / old - 1:+.1%})" if size != old else "0"


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        (value["flash_bytes"], value["ram_bytes"])  # the least that a comparison needs
    except (OSError, ValueError, TypeError, KeyError):
        raise FirmwareError(f"{path}: not the sizes of an image.", "Build it again.") from None
    found: dict[str, Any] = value
    return found


def _total(sizes: dict[str, Any] | None) -> Part | None:
    return Part("in all", sizes["flash_bytes"], sizes["ram_bytes"]) if sizes else None


def _parts(before: dict[str, Any] | None, now: dict[str, Any] | None) -> tuple[tuple[str, Part, Part], ...]:
    """Parts of both that differ; none if one of them does not tell its parts."""
    if not before or not now or "parts" not in before or "parts" not in now:
        return ()
    old, new = ({part["name"]: Part(**part) for part in sizes["parts"]} for sizes in (before, now))
    pairs = [(name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in dict.fromkeys((*new, *old))]
    return tuple((name, a, b) for name, a, b in pairs if (a.flash, a.ram) != (b.flash, b.ram))
