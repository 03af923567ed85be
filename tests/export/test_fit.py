"""Fit before flashing: constants, code and arena of the compiled C, held to an object file of binutils' own reckoning,
and refusals."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import boards
from boards import cores
from boards.fit import roomy
from conftest import run_module
from contract.errors import DONE, KNOWN_FAILURE
from export import fit
from export.aot import compile_model
from export.graph import parse
from tflite_builder import Builder, options

needs_compiler = pytest.mark.skipif(shutil.which(fit.COMPILER) is None, reason=f"{fit.COMPILER} is not installed")


def dense(inputs: int, outputs: int) -> bytes:
    """One fully connected layer, with a matrix of bytes that do not repeat."""
    build = Builder()
    matrix = np.random.default_rng(7).integers(-127, 128, (outputs, inputs))
    source = build.tensor("in", (1, inputs), "int8", 0.02, 3)
    weights = build.tensor("weights", (outputs, inputs), "int8", 0.01, 0, 0, matrix)
    result = build.tensor("out", (1, outputs), "int8", 0.5, -5)
    build.operator("FULLY_CONNECTED", [source, weights], [result], options("FullyConnectedOptions"))
    return build.bytes([source], [result])


def pointwise(size: int) -> bytes:
    """An operator that has no constants to speak of, on a large activation."""
    build = Builder()
    source = build.tensor("in", (1, size), "int8", 0.02, 3)
    result = build.tensor("out", (1, size), "int8", 1 / 256, -128)
    build.operator("LOGISTIC", [source], [result])
    return build.bytes([source], [result])


@needs_compiler
@pytest.mark.parametrize("name", ["microbit", "nucleo"])
@pytest.mark.parametrize("small", [False, True])
def test_parts_are_what_binutils_find_in_the_object(name: str, small: bool, tmp_path: Path) -> None:
    board = boards.load(name)
    compiled = compile_model(parse(dense(200, 30), "dense"), "dense", core=board.chip.core, small=small)
    (tmp_path / "model.h").write_text(compiled.header)
    (tmp_path / "model.c").write_text(compiled.source)
    flags = [*cores.flags(board.chip.core, board.chip.fpu), "-std=c11", "-Os" if small else "-O2"]
    flags += ["-ffunction-sections", "-fdata-sections"]
    subprocess.run([fit.COMPILER, *flags, "-c", "model.c"], cwd=tmp_path, check=True)
    command = ["arm-none-eabi-size", "-A", "-d", "model.o"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    found = {"text": 0, "rodata": 0, "bss": 0}
    for section, size in re.findall(r"^\.(text|rodata|bss)\S*\s+(\d+)", listed, re.MULTILINE):
        found[section] += int(size)
    constants, code, arena = fit.parts(compiled, board, small)
    assert (constants.flash, code.flash) == (found["rodata"], found["text"])
    assert constants.flash >= 200 * 30
    assert arena.ram == compiled.memory.arena_bytes == found["bss"] >= 230


@needs_compiler
@pytest.mark.parametrize(
    ("name", "model", "kind"),
    [
        ("microbit", dense(700, 400), "flash"),
        ("microbit", pointwise(15_000), "RAM"),
        ("nucleo", dense(900, 600), "flash"),
    ],
)
def test_compile_refuses_with_a_table_and_the_boards_that_would_do(
    name: str, model: bytes, kind: str, tmp_path: Path
) -> None:
    path, board = tmp_path / "large.tflite", boards.load(name)
    path.write_bytes(model)
    result = run_module("export", "compile", path, "--board", name, "--out", tmp_path / "out")
    assert result.returncode == KNOWN_FAILURE and result.stdout == ""
    assert not (tmp_path / "out").exists()
    *listed, said = result.stderr.splitlines()
    assert said.startswith(f"error: {path} does not fit {board.name}: it takes ")
    assert f"bytes of {kind} more" in said and "Nothing was written." in said
    rows = [re.fullmatch(r"(\S+(?: \S+)*)((?: +[\d,]+)+)", line) for line in listed]
    figures = {row[1]: [int(found.replace(",", "")) for found in row[2].split()] for row in rows if row}
    assert set(figures) == {fit.CONSTANTS, fit.CODE, fit.ARENA, "stack", "in all", f"{board.name} has"}
    column = ("flash", "RAM").index(kind)
    too_much = figures["in all"][column] - figures[f"{board.name} has"][column]
    assert too_much > 0 and f"{too_much:,} bytes of {kind} more" in said
    compiled = compile_model(parse(model, "large"), "large", core=board.chip.core, flash=board.memory.flash.length)
    wide = [each.short_name for each in roomy(fit.parts(compiled, board), boards.load_all())]
    assert said.endswith(f"by memory: {', '.join(wide)}.") and board.short_name not in wide
    assert set(wide) >= {"mps2", "mps2_an500"}


@needs_compiler
def test_compile_says_how_much_flash_a_model_takes(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(dense(200, 30))
    result = run_module("export", "compile", tmp_path / "model.tflite", "--board", "nucleo", "--out", tmp_path)
    assert result.returncode == DONE, result.stderr
    figures = dict(re.findall(r"^(\w+) (\d+)$", result.stdout, re.MULTILINE))
    board = boards.load("nucleo")
    compiled = compile_model(parse(dense(200, 30), "dense"), "dense", core="cortex-m4", flash=board.memory.flash.length)
    constants, code, arena = fit.parts(compiled, board)
    assert (int(figures["flash_const"]), int(figures["flash_code"])) == (constants.flash, code.flash)
    assert int(figures["ram"]) == arena.ram


def test_without_a_compiler_the_arena_alone_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    board = boards.load("microbit")
    large = compile_model(parse(pointwise(15_000), "large"), "large", core=board.chip.core)
    (arena,) = fit.parts(large, board)
    with pytest.raises(fit.ExportError, match="bytes of RAM more than the board has"):
        fit.require((arena,), board, "large.tflite")
    fit.require((arena,), boards.load("nucleo"), "large.tflite")
