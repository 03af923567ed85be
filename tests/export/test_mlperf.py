"""What the image for MLPerf Tiny's runner is told of a model: the benchmark found by its shapes, and what is
refused."""

import os
from pathlib import Path

import pytest

from conftest import run_module
from contract.errors import DONE, KNOWN_FAILURE
from export import graph, mlperf
from export.errors import ExportError
from export.mlperf import BENCHMARKS
from tflite_builder import Builder

DATA = os.environ.get("DEMUR_DATA")


def relu(inputs: int, zero_point: int = -128, dtype: str = "int8", outputs: int = 1) -> bytes:
    build = Builder()
    source = build.tensor("in", (1, inputs), dtype, 0.3, zero_point)
    results = [build.tensor(f"out{index}", (1, inputs), dtype, 0.1, zero_point) for index in range(outputs)]
    for result in results:
        build.operator("RELU", [source], [result])
    return build.bytes([source], results)


@pytest.mark.skipif(DATA is None, reason="DEMUR_DATA names no folder with the models of MLPerf Tiny")
@pytest.mark.parametrize(
    ("name", "benchmark"), [("kws_ref_model", "kws01"), ("pretrainedResnet_quant", "ic01"), ("ad01_int8", "ad01")]
)
def test_the_reference_models_are_known_by_their_shapes(name: str, benchmark: str) -> None:
    assert DATA is not None
    assert mlperf.find(graph.read(Path(DATA) / "tflite" / f"{name}.tflite")) is BENCHMARKS[benchmark]


def test_the_header() -> None:
    text = mlperf.render(graph.parse(relu(640, 5), "a model"), BENCHMARKS["ad01"], "a model")
    for line in (
        '#define MODEL_MLPERF_ID "ad01"',
        "#define MODEL_MLPERF_INPUT BENCHMARK_FLOATS",
        "#define MODEL_MLPERF_RESULT BENCHMARK_ERROR",
        "#define MODEL_MLPERF_BYTES 2560u",
        "#define MODEL_MLPERF_INPUT_SCALE 0x1.3333340000000p-2f",  # 0.3 as float32
        "#define MODEL_MLPERF_INPUT_ZERO_POINT (5)",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("content", "benchmark", "words"),
    [
        (
            relu(64, dtype="int16", zero_point=0),
            "kws01",
            r"in \(int16\), out0 \(int16\); expected one of each, in int8",
        ),
        (relu(64, outputs=2), "kws01", "1 inputs and 2 outputs"),
        (relu(64, -127), "ic01", "the input's zero point is -127, expected -128"),
    ],
)
def test_what_the_runner_cannot_be_told(content: bytes, benchmark: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        mlperf.render(graph.parse(content, "a model"), BENCHMARKS[benchmark], "a model")


def test_an_autoencoder_has_as_many_outputs_as_inputs() -> None:
    build = Builder()
    source = build.tensor("in", (1, 8), "int8", 0.3, 0)
    result = build.tensor("out", (1, 16), "int8", 0.3, 0)
    build.operator("CONCATENATION", [source, source], [result])
    with pytest.raises(ExportError, match="8 inputs and 16 outputs"):
        mlperf.render(graph.parse(build.bytes([source], [result]), "a model"), BENCHMARKS["ad01"], "a model")


def test_a_model_of_no_benchmark_is_exported_where_one_is_named(tmp_path: Path) -> None:
    model, out = tmp_path / "small.tflite", tmp_path / "run"
    model.write_bytes(relu(64))
    result = run_module("export", "mlperf", model, "--board", "nucleo", "--out", out)
    assert result.returncode == KNOWN_FAILURE and not out.exists()
    assert "64 inputs and 64 outputs, as no benchmark of MLPerf Tiny (kws01 490 and 12, " in result.stderr
    assert "--benchmark" in result.stderr
    result = run_module("export", "mlperf", model, "--board", "nucleo", "--out", out, "--benchmark", "kws01")
    assert result.returncode == DONE
    assert result.stdout == f"{out}: small.tflite as kws01\n"
    assert {path.name for path in out.iterdir()} == {
        "model_mlperf.h", "model.h", "model.c", "model_data.h", "model_data.cc", "model_ops.h",
    }  # fmt: skip
