"""Comparisons of cells: how many units a budget allows, what is refused, and the table."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.run_folder import RunFolder
from train import compare_cells, models
from train.cells import CELLS
from train.compare_cells import compare, load, table, units_within
from train.config import Model
from train.errors import TrainError
from train.models import cost

SMALL = """
name = "small"
parameters = 600
seeds = 2

[data]
set = "digits"

[base]
epochs = 1
batch = 256
options = { low = -1.0 }

[[cells]]
name = "irnn-3"
model = "irnn"
options = { euler_steps = 3, eta = 0.2 }

[[cells]]
name = "gru-fptt"
model = "gru"
learning_rate = 0.02
update = { name = "fptt", parts = 2 }
"""


def write(folder: Path, text: str = SMALL) -> Path:
    path = folder / "cells.toml"
    path.write_text(text)
    return path


@given(
    name=st.sampled_from(sorted(CELLS)),
    budget=st.integers(300, 30_000),
    steps=st.integers(1, 5),
    columns=st.integers(1, 20),
    rank=st.sampled_from([0, 0, 3]),
)
def test_one_more_unit_would_be_too_many(name: str, budget: int, steps: int, columns: int, rank: int) -> None:
    options = models.options(name) | {"rank_u": rank}
    shape = (1, steps, columns)
    units = units_within(budget, Model(model=name, options=options), shape, classes=4)
    counts = [
        cost.parameters(models.build(name, shape, 4, {**options, "hidden": count})) for count in (units, units + 1)
    ]
    assert counts[0] <= budget < counts[1]


def test_units_counted_by_hand() -> None:
    """64 units on 9 features take 4738 parameters, and 2 x 65 more for a readout of two classes."""
    base = Model(model="irnn", options=models.options("irnn"))
    assert units_within(4868, base, (1, 128, 9), classes=2) == 64
    assert units_within(4867, base, (1, 128, 9), classes=2) == 63


def test_a_budget_below_one_unit_is_refused() -> None:
    with pytest.raises(
        TrainError, match=r"a lstm of 1 units for inputs \[1, 8, 8\] has 60 parameters, expected at most 50"
    ):
        units_within(50, Model(model="lstm", options=models.options("lstm")), (1, 8, 8), classes=10)


def test_rows_differ_from_the_shared_base_in_what_they_say(tmp_path: Path) -> None:
    comparison = load(write(tmp_path))
    assert (comparison.name, comparison.parameters, comparison.seeds) == ("small", 600, 2)
    assert list(comparison.rows) == ["irnn-3", "gru-fptt"]
    irnn, gru = (config.base for config in comparison.rows.values())
    assert (irnn.batch, gru.batch, irnn.learning_rate, gru.learning_rate) == (256, 256, 0.01, 0.02)
    assert (irnn.options["low"], irnn.options["euler_steps"], gru.options["low"]) == (-1.0, 3, -1.0)
    assert (irnn.update.name, gru.update.name) == ("bptt", "fptt")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("parameters = 600", "", "parameters is None, expected an integer of 1 or more"),
        ("seeds = 2", "seeds = 0", "seeds is 0, expected an integer of 1 or more"),
        ('name = "gru-fptt"', "", "expected tables [[cells]], each with a name"),
        ('name = "gru-fptt"', 'name = "irnn-3"', "two of cells have the name 'irnn-3'"),
        ('name = "gru-fptt"', 'name = "gru/fptt"', "name is 'small-gru/fptt', expected letters, digits"),
        ('model = "gru"', 'model = "gpt"', "base.model is 'gpt', expected one of cnn"),
        ('model = "gru"\nlearning_rate = 0.02\nupdate = { name = "fptt", parts = 2 }', 'model = "cnn"', "options"),
        ("eta = 0.2", "hidden = 9", "irnn-3.options has hidden, expected none"),
        ("epochs = 1", "epoch = 1", "unknown key 'epoch' in [base], did you mean 'epochs'?"),
        ("learning_rate = 0.02", "learning_rate = 0", "base.learning_rate is 0, expected a number above 0"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = write(tmp_path, SMALL.replace(old, new))
    with pytest.raises(TrainError) as raised:
        load(path)
    assert raised.value.problem.startswith(f"{path}: ")
    assert said in raised.value.problem
    assert raised.value.exit_code == 2


def test_a_gate_is_refused(tmp_path: Path) -> None:
    gate = '[large]\nmodel = "large_cnn"\n\n[gate]\ntarget = { coverage = 0.8 }\n'
    with pytest.raises(TrainError, match=r"holds \[gate\] and \[large\], expected neither"):
        load(write(tmp_path, SMALL + gate))


def test_a_comparison_is_trained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    values = compare(load(write(tmp_path)), folder, restart=False)
    assert values == json.loads((folder / "comparison.json").read_text())
    assert (values["data_set"], values["split"], values["seeds"]) == ("digits", "random", [0, 1])
    assert [cell["name"] for cell in values["cells"]] == ["irnn-3", "gru-fptt"]
    for cell in values["cells"]:
        model, _ = models.load(RunFolder(folder / cell["name"]).base_checkpoint)
        assert cell["parameters"] == cost.parameters(model) <= 600
        assert cell["hidden"] == model.cell.hidden
        accuracy = cell["results"]["base.test_accuracy"]
        assert len(accuracy["values"]) == 2
        seed = json.loads((folder / cell["name"] / "seed_1" / "training.json").read_text())
        assert accuracy["values"][1] == seed["base"]["test_accuracy"]
    irnn = values["cells"][0]
    assert irnn["macs_per_step"] == 8 * irnn["hidden"] + 3 * irnn["hidden"] ** 2 + 10 * irnn["hidden"]

    capsys.readouterr()
    assert compare(load(write(tmp_path)), folder, restart=False) == values
    assert capsys.readouterr().err.count("trained already") == 4


def spread(*numbers: float) -> dict[str, Any]:
    return {"mean": sum(numbers) / len(numbers), "deviation": 0.01, "least": min(numbers), "values": list(numbers)}


def cell(**results: dict[str, Any]) -> dict[str, Any]:
    named = {f"base.{name}": result for name, result in results.items()}
    return {
        "name": "irnn-1",
        "hidden": 30,
        "parameters": 1234,
        "macs_per_step": 1200,
        "results": named,
        "diverged": None,
    }


def test_the_table_of_accuracies() -> None:
    accuracies = {"validation_accuracy": spread(0.9), "test_accuracy": spread(0.95, 0.97)}
    assert table({"seeds": [0, 1], "cells": [cell(**accuracies)]}).splitlines() == [
        "| cell | units | parameters | MACs per step | validation accuracy | test accuracy | least |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| irnn-1 | 30 | 1,234 | 1,200 | 90.00% | 96.00% ± 1.00% | 95.00% |",
    ]


@pytest.mark.parametrize(
    ("solved", "said"), [((1200, 1400), "1,300"), ((1200,), "1,200 (1 of 2)"), ((), "never")], ids=str
)
def test_the_table_of_iterations(solved: tuple[int, ...], said: str) -> None:
    results = {"test_error": spread(0.002, 0.001), **({"solved_after": spread(*solved)} if solved else {})}
    lines = table({"seeds": [0, 1], "cells": [cell(**results)]}).splitlines()
    assert lines[0] == "| cell | units | parameters | MACs per step | iterations until solved | test error |"
    assert lines[2] == f"| irnn-1 | 30 | 1,234 | 1,200 | {said} | 0.0015 |"


def test_a_cell_that_diverges_does_not_stop_the_others(tmp_path: Path) -> None:
    text = SMALL.replace('name = "irnn-3"', 'name = "irnn-3"\nlearning_rate = 1e30\noptimiser = "sgd"', 1)
    values = compare(load(write(tmp_path, text)), tmp_path / "out", restart=False)
    diverged, fine = values["cells"]
    assert diverged["results"] == {}
    assert "loss" in diverged["diverged"]
    assert fine["diverged"] is None
    assert fine["results"]["base.test_accuracy"]
    line = table(values).splitlines()[2]
    assert (
        line
        == f"| irnn-3 | {diverged['hidden']} | {diverged['parameters']} | {diverged['macs_per_step']:,} | diverged |  |  |"
    )


def test_the_command_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = SMALL[: SMALL.rindex("[[cells]]")].replace("seeds = 2", "seeds = 1")
    arguments = ["compare_cells", str(write(tmp_path, one)), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", arguments)
    assert compare_cells.main() == 0
    assert capsys.readouterr().out.startswith("| cell | units | parameters |")
    monkeypatch.setattr("sys.argv", [*arguments, "--json"])
    assert compare_cells.main() == 0
    assert json.loads(capsys.readouterr().out)["name"] == "small"
