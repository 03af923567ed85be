"""`python -m export` as a user runs it."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import boards
from contract.errors import CHECK_FAILED, DONE, KNOWN_FAILURE
from export import report
from export.pipeline import Exported


def _run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def again(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The run exported a second time, by the command, into another folder, listing what it imports."""
    folder = tmp_path_factory.mktemp("again") / "digits"
    folder.mkdir()
    for path in (exported.folder.config, exported.folder.splits, exported.folder.base_checkpoint):
        shutil.copy(path, folder)
    result = _run(folder, "--board", "nucleo", "--json", PYTHONPROFILEIMPORTTIME="1")
    result.args = folder
    return result


def test_same_input_same_bytes(exported: Exported, again: subprocess.CompletedProcess[str]) -> None:
    assert again.returncode == DONE, again.stderr
    folder = Path(str(again.args))
    for path in exported.files:
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name
    made = {path.name for path in folder.iterdir()}
    assert made - {path.name for path in exported.files} == {"base.pt", "run.toml", "splits.json", "onnx2tf.log"}


def test_json_is_the_whole_of_standard_output(exported: Exported, again: subprocess.CompletedProcess[str]) -> None:
    value: dict[str, Any] = json.loads(again.stdout)
    assert value["model"] == dataclasses.asdict(exported.manifest.model)
    assert value["accuracy"]["quantised"] == exported.manifest.accuracy.quantised
    assert [layer["name"] for layer in value["layers"]] == [layer.name for layer in exported.layers]
    assert value["warnings"] == []


def test_standard_error_is_progress_alone_and_tensorflow_stays_out(again: subprocess.CompletedProcess[str]) -> None:
    lines = again.stderr.splitlines()
    imported = {line.split("|")[-1].strip() for line in lines if line.startswith("import time:")}
    assert "torch" in imported, "the list of imports is not there"
    assert "tensorflow" not in imported
    others = [line for line in lines if not line.startswith("import time:")]
    assert [re.sub(r" .*", "", line) for line in others] == ["export:"] * 4, others


def test_tables_fit_a_terminal(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    report.show(exported, boards.load("nucleo"))
    output = capsys.readouterr().out
    *tables, model, files = output.splitlines()
    assert max(map(len, tables)) <= 80
    for layer in exported.layers:
        assert layer.name in output
    accuracy = exported.manifest.accuracy
    assert f"{accuracy.quantised:.2%}" in output
    assert exported.manifest.model.sha256[:16] in model
    assert "NUCLEO-F446RE" in model
    assert "vectors.npz" in files
    assert "warning" not in output


def test_accuracy_lost_is_a_warning(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = exported.manifest.accuracy
    lost = dataclasses.replace(accuracy, quantised=accuracy.float32 - 0.02)
    result = dataclasses.replace(exported, manifest=dataclasses.replace(exported.manifest, accuracy=lost))
    (warning,) = report.warnings(result, None)
    assert "2.00% below float" in warning
    report.show(result, None)
    assert "warning: int8 accuracy" in capsys.readouterr().out
    within = dataclasses.replace(accuracy, quantised=accuracy.float32 - 0.009)
    kept = dataclasses.replace(exported, manifest=dataclasses.replace(exported.manifest, accuracy=within))
    assert report.warnings(kept, None) == []


def test_accuracy_lost_is_exit_code_1(exported: Exported, tmp_path: Path) -> None:
    """A checkpoint that claims pixels of at most 0.1 makes the int8 model see brighter ones clipped."""
    for path in (exported.folder.config, exported.folder.splits):
        shutil.copy(path, tmp_path)
    content = torch.load(exported.folder.base_checkpoint, weights_only=True)
    torch.save({**content, "input_range": [0.0, 0.1]}, tmp_path / "base.pt")
    result = _run(tmp_path)
    assert result.returncode == CHECK_FAILED, result.stderr
    paragraph = result.stdout.splitlines()[-1]
    assert paragraph.startswith("warning: int8 accuracy on the test split is ")
    assert "The SQNR falls most at image." in paragraph


def test_a_board_that_is_too_small_is_a_warning(exported: Exported) -> None:
    board = boards.load("nucleo")
    assert report.warnings(exported, board) == []
    flash, ram = (dataclasses.replace(board, budget=dataclasses.replace(board.budget, **less))
                  for less in ({"flash": 1000}, {"ram": board.memory.stack + 100}))  # fmt: skip
    (warning,) = report.warnings(exported, flash)
    assert f"{exported.weights - 1000:,} bytes of flash more than {board.title} has" in warning
    assert "Boards that it would fit, by memory: " in warning
    (warning,) = report.warnings(exported, ram)
    assert f"{exported.manifest.memory.arena_bytes - 100:,} bytes of RAM more than {board.title} has" in warning


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("runs/no-such-run",), "error: runs/no-such-run: no such run folder. Train the run first: python -m train"),
        (("runs/no-such-run", "--board", "nuclea"), "error: Unknown board 'nuclea'"),
        ((), "the following arguments are required: run"),
    ],
)
def test_known_failures_are_one_paragraph(arguments: tuple[str, ...], message: str) -> None:
    result = _run(*arguments)
    assert result.returncode == KNOWN_FAILURE
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
