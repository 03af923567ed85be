"""Which exported models fit which board: `fits(Path("runs"), load_all())`. Standard library only.

What is known of a model decides how its needs are found, the first that is there:

    an image for that board      measured: runs/<model>/firmware/<board>/size.json
    an image for another board   computed: that image, with this board's stack. One of the same core is preferred, else the largest.
    only an exported model       computed: the arena and the buffer for a sequence, from the manifest; the .tflite file, which stands for its
                                 constants and code; and what an image has besides its model, measured on another model's. No image at
                                 all: nothing is said.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from boards.board import Board
from boards.fit import Part, excess, needed
from contract import manifest
from contract.run_folder import RunFolder

Images = dict[str, dict[str, int]]
"""Sizes of size.json by the board's name."""


@dataclass(frozen=True)
class Fit:
    """Bytes that the firmware with a model takes of a board, stack included; `measured` on an image for that board, or
    else computed."""

    model: str
    board: str
    flash: int
    ram: int
    measured: bool
    fits: bool


def fits(runs: Path, boards: Iterable[Board]) -> tuple[Fit, ...]:
    """Every model under `runs` of which something is known, with every board; models by name. No `runs` is no model."""
    boards = tuple(boards)
    cores = {board.name: board.chip.core for board in boards}
    folders = [RunFolder(path) for path in sorted(runs.glob("*")) if path.is_dir()]
    images = {folder: _images(folder, boards) for folder in folders}
    every = [(name, sizes) for found in images.values() for name, sizes in found.items()]
    found = []
    for folder in folders:
        for board in boards:
            own = images[folder]
            if nearest := _nearest(list(own.items()), board, cores):
                part = Part("image", nearest["flash_bytes"], nearest["ram_bytes"] - nearest["stack_bytes"])
            elif exported := _exported(folder, _nearest(every, board, cores)):
                part = exported
            else:
                continue
            need, fit = needed([part], board), not excess([part], board)
            found.append(Fit(folder.path.name, board.name, need.flash, need.ram, board.name in own, fit))
    return tuple(found)


def _images(folder: RunFolder, boards: Iterable[Board]) -> Images:
    found = {}
    for board in boards:
        path = folder.firmware(board.name) / "size.json"
        if path.exists():
            try:
                sizes = json.loads(path.read_text(encoding="utf-8"))
                names = ("flash_bytes", "ram_bytes", "stack_bytes", "base_flash_bytes", "base_ram_bytes")
                found[board.name] = {name: int(sizes[name]) for name in names}
            except (OSError, ValueError, TypeError, KeyError):
                print(f"{path}: not sizes as this release writes them; build the image again.", file=sys.stderr)
    return found


def _nearest(images: list[tuple[str, dict[str, int]]], board: Board, cores: dict[str, str]) -> dict[str, int] | None:
    """The image that says most about `board`."""
    if not images:
        return None
    likeness = {name: (name == board.name, cores[name] == board.chip.core) for name, _ in images}
    return max(images, key=lambda image: (likeness[image[0]], image[1]["flash_bytes"]))[1]


def _exported(folder: RunFolder, base: dict[str, int] | None) -> Part | None:
    if base is None or not folder.manifest.exists():
        return None
    try:
        described = manifest.load(folder.manifest)
    except manifest.ManifestError as error:
        print(error, file=sys.stderr)
        return None
    sequence = described.stream.steps * described.inputs[0].bytes if described.stream else 0
    ram = described.memory.arena_bytes + sequence + base["base_ram_bytes"]
    router = described.gate.router
    return Part(
        "model",
        described.model.bytes + (router.bytes if router else 0) + base["base_flash_bytes"],
        ram + (router.ram_bytes if router else 0),
    )
