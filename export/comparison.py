"""What the cells of a comparison (`train.compare_cells`) lose on a board, and what they cost there.

    rows = measure(Path("runs/cells_digits_rows"), board)
    print(table(rows))

Every seed of every cell is quantised both ways and answers the test split; instructions, flash and RAM are those of the
first seed, measured in the emulator (`export.bench`): of one time step, in which a seed changes nothing to speak of.
"""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from boards import Board
from contract.progress import Progress
from contract.run_folder import RunFolder
from export.bench import bench
from export.errors import ExportError
from export.kind import LOGITS, Quantized
from export.pipeline import load
from export.quantize import RECIPES
from export.stream import Sequences

INPUTS: Final = 5  # pseudo-random inputs, of which the mean is taken: a ReLU's path depends on its codes by a little
LABEL: Final = {"int8": "int8", "int16": "16x8"}


@dataclass(frozen=True)
class Cost:
    """A cell on a board. Accuracies on the test split, one a seed; instructions of one time step; sizes in bytes,
    `flash` of code and constants, `ram` the arena with the state."""

    accuracy: tuple[float, ...]
    instructions: float
    flash: int
    ram: int


@dataclass(frozen=True)
class Row:
    """`quantised` by type of the activations. `steps` are the frames of a sequence."""

    cell: str
    parameters: int
    macs: int
    steps: int
    floating: tuple[float, ...]
    quantised: dict[str, Cost]


def measure(folder: Path, board: Board, seeds: int | None = None) -> list[Row]:
    """Every cell that was trained to the end, with the first `seeds` of its seeds, None for all.

    Raises ExportError if the folder holds no comparison, or one of numbers; and GraphError and the errors of the bench.
    """
    path = folder / "comparison.json"
    try:
        cells = [cell for cell in json.loads(path.read_text())["cells"] if not cell["diverged"]]
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(
            f"{path}: no comparison to be read ({type(error).__name__}: {error}).",
            "Train it first: python -m train.compare_cells <config>.",
        ) from None
    rows = []
    with Progress("compare", total=len(cells)) as progress:
        for cell in cells:
            rows.append(_row(cell, folder / cell["name"], board, seeds))
            progress.advance(note=cell["name"])
    return rows


def _row(cell: dict[str, Any], folder: Path, board: Board, seeds: int | None) -> Row:
    floating: list[float] = []
    accuracies: dict[str, list[float]] = {name: [] for name in RECIPES}
    costs: dict[str, tuple[float, int, int]] = {}
    for run in [folder, *sorted(folder.glob("seed_*"))][:seeds]:
        trained = load(RunFolder(run))
        sequences, test = Sequences(trained), trained.parts["test"]
        floating.append(sequences.accuracy(trained.run(test.images)[LOGITS], test.labels))
        with TemporaryDirectory(prefix="demur-compare-") as name:
            for kind, made in sequences.candidates(Path(name) / "onnx2tf.log", list(RECIPES)).items():
                answers = sequences.answers(made, sequences.codes(made, test))[LOGITS][:, -1]
                accuracies[kind].append(sequences.accuracy(answers, test.labels))
                if run == folder:
                    costs[kind] = _cost(made, Path(name) / f"{cell['name']}.tflite", board)
    steps = sequences.stream.steps
    quantised = {kind: Cost(tuple(found), *costs[kind]) for kind, found in accuracies.items()}
    return Row(cell["name"], cell["parameters"], cell["macs_per_step"], steps, tuple(floating), quantised)


def _cost(made: Quantized, path: Path, board: Board) -> tuple[float, int, int]:
    path.write_bytes(made.content)
    report = bench(path, board, INPUTS)
    if report.differing_outputs:
        raise ExportError(
            f"{path.name}: {report.differing_outputs} output bytes differ from TensorFlow Lite Micro's.",
            "This is a fault in the compiler: report it with the model.",
        )
    return report.instructions, report.flash_code + report.flash_const, report.ram


def table(rows: list[Row]) -> str:
    """Markdown: accuracies as mean and deviation over the seeds; instructions, flash and RAM as int8 / 16x8."""
    headings = ("cell", "parameters", "MACs per step", "float", *LABEL.values(), "instructions per step",
                "per sequence", "flash", "RAM")  # fmt: skip
    lines = [_line(headings), _line("---" if index == 0 else "---:" for index in range(len(headings)))]
    for row in rows:
        costs = [row.quantised[kind] for kind in LABEL]
        both = [
            " / ".join(f"{value:,.0f}" for value in values)
            for values in (
                [cost.instructions for cost in costs],
                [cost.instructions * row.steps for cost in costs],
                [cost.flash for cost in costs],
                [cost.ram for cost in costs],
            )
        ]
        found = (_spread(values) for values in (row.floating, *(cost.accuracy for cost in costs)))
        lines.append(_line((row.cell, f"{row.parameters:,}", f"{row.macs:,}", *found, *both)))
    return "\n".join(lines)


def _spread(values: tuple[float, ...]) -> str:
    deviation = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * float(np.mean(values)):.1f}{deviation}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
