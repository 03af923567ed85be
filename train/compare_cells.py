"""Recurrent cells of equal size on one data set, each with several seeds, as a table.

    python -m train.compare_cells train/configs/cells_digits_rows.toml              a table in Markdown
    python -m train.compare_cells train/configs/cells_digits_rows.toml --json       the same with every seed's result
    python -m train.compare_cells train/configs/cells_digits_rows.toml --out DIR    not into runs/<name>

The file is a run's configuration without [large] and [gate] (`train.config`). Under [base] is what all cells share, and

    parameters = 10_000    budget of a model with its readout; each cell gets as many units as it allows
    seeds = 3              each cell is trained with so many, from `seed` on

    [[cells]]              one for each row of the table: a name, and the keys of [base] in which it differs
    name = "irnn-1"
    model = "irnn"
    options = { eta = 0.1 }

The folder gets a run for each cell, and `comparison.json`:

    name, data_set, split, parameters (the budget), seeds [count],
    cells [{name, model, update, hidden, parameters, macs_per_step, results as in seeds.json (`train.seeds`), diverged}]

A cell whose loss does not stay finite has no results: `diverged` says when that was, and the other cells are trained
all the same. Stopped in the middle, the same command goes on.
"""

import argparse
import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.errors import CHECK_FAILED, DONE, run
from contract.run_folder import RunFolder
from train import config as configuration
from train.cells import CELLS
from train.config import Model, RunConfig
from train.errors import TrainError

NEXT: Final = "Correct the file; train/configs/cells_digits_rows.toml shows how."


@dataclass(frozen=True)
class Comparison:
    """`rows` are runs by the name of the row; how many units their cells have is not yet decided."""

    name: str
    parameters: int
    seeds: int
    rows: dict[str, RunConfig]


def load(path: Path) -> Comparison:
    """Read and check a comparison. Raises TrainError naming the file, the key, its value and what is allowed."""
    values = configuration.read(path)
    rows, shared = values.pop("cells", None), values.get("base", {})
    budget = {key: values.pop(key, None) for key in ("parameters", "seeds")}
    for key, number in budget.items():
        if type(number) is not int or number < 1:
            raise TrainError(f"{path}: {key} is {number!r}, expected an integer of 1 or more.", NEXT)
    named = isinstance(rows, list) and rows and all(isinstance(row, dict) and "name" in row for row in rows)
    if not named or not isinstance(shared, dict):
        raise TrainError(f"{path}: expected tables [[cells]], each with a name, and [base] with what they share.", NEXT)
    runs: dict[str, RunConfig] = {}
    for row in rows:
        name = row.pop("name")
        base = {**shared, **row, "options": {**shared.get("options", {}), **row.get("options", {})}}
        config = configuration.parse({**values, "name": f"{values.get('name')}-{name}", "base": base}, path)
        for wrong, problem in (
            (name in runs, f"two of cells have the name {name!r}, expected names that differ"),
            (config.base.model not in CELLS, f"{name}.model is {config.base.model!r}, expected a recurrent cell"),
            (
                "hidden" in base["options"],
                f"{name}.options has hidden, expected none, since it follows from parameters",
            ),
            (config.gate is not None, "holds [gate] and [large], expected neither"),
        ):
            if wrong:
                raise TrainError(f"{path}: {problem}.", NEXT)
        runs[name] = config
    return Comparison(values["name"], budget["parameters"], budget["seeds"], runs)


def units_within(parameters: int, base: Model, input_shape: tuple[int, int, int], classes: int) -> int:
    """The most units, `hidden`, with which a recurrent model has at most so many parameters. Raises TrainError if 1 is
    too many."""
    import torch

    from train import models
    from train.models import cost

    def needed(units: int) -> int:
        with torch.device("meta"):  # shapes without values
            options = {**base.options, "hidden": units}
            return cost.parameters(models.build(base.model, input_shape, classes, options, base.head))

    least = max(1, int(base.options["rank_u"]))  # below its rank a matrix cannot be
    if needed(least) > parameters:
        raise TrainError(
            f"a {base.model} of {least} units for inputs {list(input_shape)} has {needed(least):,} parameters, expected at "
            f"most {parameters:,}.",
            "Raise parameters.",
        )
    low, high = least, 2 * least
    while needed(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= parameters else (low, middle)
    return low


def compare(comparison: Comparison, folder: Path, *, restart: bool) -> dict[str, Any]:
    """Train what is left of all rows and return the values of `comparison.json`."""
    from train import data

    any_row = next(iter(comparison.rows.values()))
    samples = data.load(any_row.data)
    rows = []
    for name, config in comparison.rows.items():
        units = units_within(comparison.parameters, config.base, samples.input_shape, len(samples.classes))
        base = dataclasses.replace(config.base, options={**config.base.options, "hidden": units})
        config = dataclasses.replace(config, base=base)
        rows.append(
            _train(name, config, folder / name, comparison.seeds, restart, samples.input_shape, len(samples.classes))
        )
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "name": comparison.name,
        "data_set": samples.name,
        "split": any_row.data.split,
        "parameters": comparison.parameters,
        "seeds": [any_row.seed + index for index in range(comparison.seeds)],
        "cells": rows,
    }
    (folder / "comparison.json").write_text(json.dumps(values, indent=2) + "\n")
    return values


def _train(
    name: str,
    config: RunConfig,
    folder: Path,
    seeds: int,
    restart: bool,
    input_shape: tuple[int, int, int],
    classes: int,
) -> dict[str, Any]:
    """One row of the comparison."""
    import torch

    from train import models
    from train.models import cost
    from train.models.recurrent import Recurrent
    from train.seeds import train_seeds

    print(f"{config.name}: {seeds} seeds in {folder}", file=sys.stderr)
    results, diverged = {}, None
    try:
        results = train_seeds(config, RunFolder(folder), seeds, restart)["results"]
    except TrainError as error:
        if error.exit_code != CHECK_FAILED:
            raise
        diverged = error.problem
        print(f"{config.name}: {diverged}", file=sys.stderr)
    with torch.device("meta"):
        model = models.build(config.base.model, input_shape, classes, config.base.options, config.base.head)
    assert isinstance(model, Recurrent)
    return {
        "name": name,
        "model": config.base.model,
        "update": config.base.update.name,
        "hidden": model.cell.hidden,
        "parameters": cost.parameters(model),
        "macs_per_step": model.macs_per_step(),
        "results": results,
        "diverged": diverged,
    }


def table(values: dict[str, Any]) -> str:
    """`comparison.json` as a table in Markdown: mean over the seeds, and deviation, of the test split."""
    seeds = len(values["seeds"])
    numbers = any("base.test_error" in cell["results"] for cell in values["cells"])
    outcome = (
        ("iterations until solved", "test error") if numbers else ("validation accuracy", "test accuracy", "least")
    )
    headings = ("cell", "units", "parameters", "MACs per step", *outcome)
    lines = [_row(headings), _row("---" if index == 0 else "---:" for index in range(len(headings)))]
    for cell in values["cells"]:
        results = cell["results"]
        if cell["diverged"]:
            found = ["diverged", *["" for _ in outcome[1:]]]
        elif numbers:
            solved, error = results.get("base.solved_after"), results["base.test_error"]
            count = len(solved["values"]) if solved else 0
            found = [
                "never"
                if not solved
                else f"{solved['mean']:,.0f}" + (f" ({count} of {seeds})" if count < seeds else ""),
                f"{error['mean']:.4f}",
            ]
        else:
            validation, test = results["base.validation_accuracy"], results["base.test_accuracy"]
            found = [f"{_percent(validation['mean'])}", f"{_percent(test['mean'])} ± {_percent(test['deviation'])}",
                     _percent(test["least"])]  # fmt: skip
        lines.append(
            _row([cell["name"], str(cell["hidden"]), f"{cell['parameters']:,}", f"{cell['macs_per_step']:,}", *found])
        )
    return "\n".join(lines)


def _row(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(share: float) -> str:
    return f"{share:.2%}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.compare_cells", description="Train recurrent cells of equal size and compare them."
    )
    parser.add_argument("config", type=Path, help="the comparison's TOML, such as train/configs/cells_digits_rows.toml")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the runs (default: runs/<name>)")
    parser.add_argument("--restart", action="store_true", help="discard earlier trainings in the folder")
    parser.add_argument("--json", action="store_true", help="print comparison.json instead of a table")
    arguments = parser.parse_args()
    comparison = load(arguments.config)
    folder = arguments.out or Path("runs") / comparison.name
    try:
        values = compare(comparison, folder, restart=arguments.restart)
    except ModuleNotFoundError as error:
        raise TrainError(f"{error.name}: not installed.", 'Run: pip install -e ".[train]"') from None
    print(json.dumps(values, indent=2) if arguments.json else table(values))
    return DONE


if __name__ == "__main__":
    sys.exit(run(main))
