"""Cells of a comparison on a board: the figures are those of the files that the comparison is of."""

import json
import shutil
from pathlib import Path

import pytest

import boards
from conftest import run_module
from contract.errors import KNOWN_FAILURE
from export.comparison import Cost, Row, measure, table

CONFIG = """
name = "tiny"
parameters = 400
seeds = 2
[data]
set = "digits"
[base]
epochs = 3
batch = 128
options = { low = -1.0 }
[[cells]]
name = "one"
model = "fastrnn"
"""


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_every_seed_is_quantised_both_ways(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG)
    trained = run_module("train.compare_cells", tmp_path / "tiny.toml", "--out", tmp_path / "tiny", "--json")
    assert trained.returncode == 0, trained.stderr
    comparison = json.loads((tmp_path / "tiny" / "comparison.json").read_text())
    (row,) = measure(tmp_path / "tiny", boards.load("nucleo"))
    assert (row.cell, row.steps) == ("one", 8)
    assert list(row.floating) == comparison["cells"][0]["results"]["base.test_accuracy"]["values"]
    for cost in row.quantised.values():
        assert len(cost.accuracy) == 2
        assert all(abs(cost.accuracy[seed] - row.floating[seed]) < 0.1 for seed in range(2))
        assert row.macs / 2 < cost.instructions < 20 * row.macs  # two multiplications an instruction is all there is
        assert cost.flash > row.parameters and cost.ram > 0
    assert row.quantised["int16"].ram > row.quantised["int8"].ram


def test_the_table() -> None:
    cost = {"int8": Cost((0.9, 0.92), 1000.4, 5000, 200), "int16": Cost((0.95, 0.95), 1500.0, 6000, 300)}
    assert table([Row("gru", 9876, 1234, 8, (0.95, 0.97), cost)]).splitlines()[2] == (
        "| gru | 9,876 | 1,234 | 96.0 ± 1.4 | 91.0 ± 1.4 | 95.0 ± 0.0 | 1,000 / 1,500 | 8,003 / 12,000 | 5,000 / 6,000 | 200 / 300 |"
    )


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    result = run_module("export", "compare", tmp_path, "--board", "nucleo")
    assert result.returncode == KNOWN_FAILURE
    assert "no comparison to be read" in result.stderr and "train.compare_cells" in result.stderr
