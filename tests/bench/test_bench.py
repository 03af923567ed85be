"""The benchmark: what it counts is there, and what stands in its way is said in words."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import boards
from conftest import run_module
from contract.manifest import Buffer, Memory
from export.bench import Report, TooLargeError, bench, markdown, with_core
from export.bench.flash import CODE
from export.bench.inputs import stream, take
from export.bench.plan import draw
from export.errors import ExportError
from tflite_builder import Builder, options

needs_tools = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("arm-none-eabi-gcc", "qemu-system-arm", "gcc")),
    reason="arm-none-eabi-gcc, qemu-system-arm or gcc is not installed",
)


def dense(inputs: int, outputs: int) -> bytes:
    build = Builder()
    rng = np.random.default_rng(0)
    source = build.tensor("in", (1, inputs), "int8", 0.5, -128)
    weights = build.tensor("weights", (outputs, inputs), "int8", 0.01, data=rng.integers(-127, 128, (outputs, inputs)))
    scores = build.tensor("scores", (1, outputs), "int8", 2.0, 3)
    result = build.tensor("out", (1, outputs), "int8", 1 / 256, -128)
    build.operator("FULLY_CONNECTED", [source, weights], [scores], options("FullyConnectedOptions"))
    build.operator("SOFTMAX", [scores], [result], options("SoftmaxOptions", beta=1.0))
    return build.bytes([source], [result])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "dense.tflite"
    path.write_bytes(dense(64, 16))
    return path


@pytest.fixture(scope="module")
def report(model: Path) -> Report:
    return bench(model, boards.load("nucleo"), 3)


@needs_tools
def test_the_counts_add_up(report: Report) -> None:
    assert report.differing_outputs == 0
    assert [(layer.op, layer.macs) for layer in report.layers] == [("FULLY_CONNECTED", 1024), ("SOFTMAX", 0)]
    layers = sum(layer.instructions for layer in report.layers)
    assert sum(function.instructions for function in report.functions) == pytest.approx(report.instructions)
    # The traced build calls a mark after each operator; entering and leaving model_invoke belongs to no operator.
    assert layers == pytest.approx(report.instructions, abs=40)
    assert report.cycles_modelled is not None
    assert report.instructions < report.cycles_modelled < 3 * report.instructions
    flash = {part.part: part.bytes for part in report.flash}
    assert sum(flash[part] for part in CODE) == report.flash_code
    assert sum(flash.values()) == report.flash_code + report.flash_const
    assert flash["kernels"] > 0 and flash["generated code"] > 0
    assert flash["weights"] >= 64 * 16  # and biases and rescalings
    assert report.ram == 64 + 16  # the output overwrites the scores in place


@needs_tools
def test_counting_is_exact(report: Report, model: Path) -> None:
    assert bench(model, boards.load("nucleo"), 3) == report


@needs_tools
def test_more_work_is_counted_as_more(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "wider.tflite"
    path.write_bytes(dense(128, 16))
    wider = bench(path, boards.load("nucleo"), 3)
    extra = wider.layers[0].instructions - report.layers[0].instructions
    # 16 more words of inputs for each of two octets: 31 instructions a word, and the turns of the loop around them.
    assert 2 * 16 * 31 <= extra <= 2 * (16 * 31 + 3 * 2 + 2)


@needs_tools
def test_small_code_is_smaller_and_another_core_has_its_own_code(report: Report, model: Path) -> None:
    small = bench(model, boards.load("nucleo"), 3, small=True)
    assert small.differing_outputs == 0
    assert small.flash_code < 0.6 * report.flash_code
    board = boards.load("mps2_an385")
    own, armv6 = (bench(model, place, 3) for place in (board, with_core(board, "cortex-m0")))
    assert own.differing_outputs == armv6.differing_outputs == 0
    assert own.instructions < 0.7 * armv6.instructions  # Armv6-M lacks the long multiplications
    assert own.cycles_modelled is None  # the model is of another core


@needs_tools
def test_markdown_takes_the_place_of_the_table_in_a_file(report: Report, tmp_path: Path) -> None:
    named = dataclasses.replace(report, model="tflite/ad01_int8.tflite")
    small = dataclasses.replace(named, small=True, instructions=2 * named.instructions)
    text = markdown.table([named, small, dataclasses.replace(report, model="digits/model.tflite")])
    lines = text.splitlines()
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["ad01_int8", "", "", "digits"]
    assert f"582,877 ({582877 / named.instructions:.1f} times)" in lines[4]  # of tflm.toml
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- bench nucleo_f446re cortex-m4 -->\nold\n<!-- end -->\nafter\n")
    markdown.put(path, [named])
    assert path.read_text().split("\n")[0] == "before" and path.read_text().endswith("<!-- end -->\nafter\n")
    assert "old" not in path.read_text() and markdown.table([named]) in path.read_text()
    with pytest.raises(ExportError, match="has no lines <!-- bench mps2_an385 cortex-m3 -->"):
        markdown.put(path, [dataclasses.replace(named, board="mps2_an385", core="cortex-m3")])


@needs_tools
def test_the_json_has_the_promised_keys(model: Path) -> None:
    result = run_module("export", "bench", model, "--board", "nucleo", "--inputs", "1", "--json")
    assert result.returncode == 0, result.stderr
    value = json.loads(result.stdout)
    assert value.keys() >= {"model", "board", "engine", "instructions", "cycles_modelled", "flash_code", "flash_const",
                            "ram", "inputs", "differing_outputs", "layers"}  # fmt: skip
    assert value["layers"][0].keys() == {"op", "name", "macs", "instructions"}


@needs_tools
def test_a_model_that_does_not_fit_is_refused_by_the_linker(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    path.write_bytes(dense(4096, 200))
    with pytest.raises(TooLargeError, match=r"(?s)overflowed.*larger board"):
        bench(path, boards.load("nucleo"), 1)


def test_a_board_without_an_emulator_is_refused(model: Path) -> None:
    board = dataclasses.replace(boards.load("nucleo"), emulator=boards.Emulator())
    with pytest.raises(ExportError, match="names no QEMU machine"):
        bench(model, board, 1)


def test_a_missing_tool_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ExportError, match="is not installed"):
        bench(model, boards.load("nucleo"), 1)


def test_the_inputs_are_xorshift32() -> None:
    # Marsaglia's triple 13, 17, 5 from 1: the first words are 270369, 67634689, 2647435461.
    source = stream(1)
    assert [next(source) for _ in range(3)] == [270369 & 255, 67634689 & 255, 2647435461 & 255]
    a, b = next(source), next(source)
    assert take(source, (2,), "int8").shape == (2,)
    again = stream(1)
    _ = [next(again) for _ in range(3)]
    assert take(again, (1, 1), "int16").tobytes() == bytes([a, b])


def test_the_plan_is_drawn_in_time_and_space() -> None:
    memory = Memory(96, (Buffer("in", 64, 32, 0, 0), Buffer("hidden;fused", 0, 64, 0, 1), Buffer("out", 64, 3, 1, 2)))
    assert draw(memory, 2).splitlines() == [
        "  offset   bytes  operators  buffer",
        "       0      64  ##         hidden",
        "      64      32  #.         in",
        "      64       3  .#         out",
        "   arena      96",
    ]
