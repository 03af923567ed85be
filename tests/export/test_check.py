"""`python -m export check`: the C of whole models is exact over many inputs, on this PC and in the emulators; and a
difference would be found."""

import dataclasses
import json
import os
import shutil
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

import boards
from boards import cores
from conftest import run_module
from contract.errors import CHECK_FAILED, DONE, KNOWN_FAILURE
from export.aot import Compiled, compile_model
from export.check import check, run
from export.commands.check import call
from export.graph import Graph
from random_models import MODELS

needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
needs_emulator = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)
DATA = os.environ.get("DEMUR_DATA")
MLPERF = ("kws_ref_model", "pretrainedResnet_quant", "ad01_int8")


def random_model(name: str, dtype: str, folder: Path, seed: int = 3) -> Path:
    path = folder / f"{name}.tflite"
    path.write_bytes(MODELS[name](np.random.default_rng(seed), dtype))
    return path


@needs_compiler
@pytest.mark.parametrize(("name", "dtype"), [("network", "int8"), ("network", "int16"), ("conv_2d", "int8"),
                                             ("depthwise_conv_2d", "int8"), ("fully_connected", "int8")])  # fmt: skip
def test_a_thousand_inputs(name: str, dtype: str, tmp_path: Path) -> None:
    found = check(random_model(name, dtype, tmp_path), inputs=1000)
    assert found.differing == 0
    named = [target for variant in found.variants for target in variant.targets]
    assert sorted(named) == sorted((run.SMALL, *cores.CORES, *(board.name for board in boards.load_all())))


@needs_compiler
@pytest.mark.skipif(DATA is None, reason="DEMUR_DATA names no folder with the models of MLPerf Tiny")
@pytest.mark.parametrize("name", MLPERF)
def test_mlperf_tiny(name: str) -> None:
    """On 20 inputs: `make exact` takes 1,000."""
    assert DATA is not None
    assert check(Path(DATA) / "tflite" / f"{name}.tflite", inputs=20).differing == 0


@needs_emulator
def test_every_emulator(tmp_path: Path) -> None:
    found = check(random_model("network", "int8", tmp_path), inputs=1, emulated=20)
    assert {board.board for board in found.boards} == {
        board.name for board in boards.load_all() if board.emulator.qemu is not None
    }
    assert {board.core for board in found.boards} == set(cores.CORES)
    assert [board.differing for board in found.boards] == [0] * len(found.boards)


@needs_emulator
def test_a_board_that_is_too_small_is_no_difference(tmp_path: Path) -> None:
    model = random_model("fully_connected", "int8", tmp_path)
    board = boards.load("microbit")
    flash = dataclasses.replace(board.memory.flash, length=1024)
    small = dataclasses.replace(board, memory=dataclasses.replace(board.memory, flash=flash))
    assert run._emulate(model, board, 1).differing == 0
    assert run._emulate(model, small, 1).differing is None


@needs_compiler
def test_another_model_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The C of the same layer with one other weight, where the interpreter has the file."""
    path = random_model("conv_2d", "int8", tmp_path)

    def compile_other(graph: Graph, title: str, *, keep_inputs: bool, core: str | None, flash: int | None) -> Compiled:
        tensors = list(graph.tensors)
        number = next(index for index, tensor in enumerate(tensors) if tensor.data is not None)
        changed = np.array(tensors[number].data)
        changed.flat[0] = -changed.flat[0] - 1
        tensors[number] = dataclasses.replace(tensors[number], data=changed)
        return compile_model(dataclasses.replace(graph, tensors=tuple(tensors)), title, keep_inputs, core)

    monkeypatch.setattr(run, "compile_model", compile_other)
    found = check(path, inputs=50)
    assert 0 < found.differing <= len(found.variants) * found.output_bytes
    assert call(Namespace(models=[path], inputs=50, emulated=0, json=False)) == CHECK_FAILED


@needs_compiler
def test_the_command(tmp_path: Path) -> None:
    model = random_model("add", "int8", tmp_path)
    plain = run_module("export", "check", model, "--inputs", "10")
    assert plain.returncode == DONE, plain.stderr
    assert all(f"{model.name}: 0 of " in line and "10 inputs" in line for line in plain.stdout.splitlines())
    result = run_module("export", "check", model, "--inputs", "10", "--json")
    value = json.loads(result.stdout)
    assert value["inputs"] == 10 and value["boards"] == []
    assert [variant["differing"] for variant in value["variants"]] == [0] * len(value["variants"])


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("This is no model.")
    result = run_module("export", "check", path)
    assert result.returncode == KNOWN_FAILURE
    assert result.stderr.startswith(f"error: {path}: ")
