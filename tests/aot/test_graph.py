"""The .tflite reader: what it reads, and that nothing damaged gets past it or brings it down."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.graph import GraphError, parse, read
from export.micro import Micro
from tflite_builder import Builder, options


def builder() -> Builder:
    build = Builder()
    source = build.tensor("in", (1, 4), "int8", 0.5, -128)
    weights = build.tensor("weights", (3, 4), "int8", [0.1, 0.2, 0.3], 0, 0, np.arange(12).reshape(3, 4))
    bias = build.tensor("bias", (3,), "int32", [0.05, 0.1, 0.15], 0, 0, np.array([1, -2, 3]))
    out = build.tensor("out", (1, 3), "int8", 1.0, 7)
    build.operator("FULLY_CONNECTED", [source, weights, bias], [out], options("FullyConnectedOptions"))
    return build


WHOLE = builder().bytes([0], [3])


def test_reads_tensors_operators_and_quantisation() -> None:
    graph = parse(WHOLE, "whole")
    source, weights, bias, out = graph.tensors
    assert (source.name, source.shape, source.dtype, source.data) == ("in", (1, 4), "int8", None)
    assert (source.scale, source.zero_point) == (0.5, -128)
    assert weights.quantization is not None and len(weights.quantization.scales) == 3
    assert weights.data is not None and weights.data.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert bias.data is not None and bias.data.tolist() == [1, -2, 3]
    (operator,) = graph.operators
    assert (operator.op, operator.inputs, operator.outputs) == ("FULLY_CONNECTED", (0, 1, 2), (3,))
    assert operator.options["FusedActivationFunction"] == 0
    assert (graph.inputs, graph.outputs) == ((0,), (3,))
    assert out.bytes == 3


@pytest.mark.parametrize(("new", "deprecated"), [(9, 9), (9, 0), (0, 9)])
def test_an_operators_code_may_be_in_either_field(new: int, deprecated: int) -> None:
    """As TensorFlow Lite Micro reads it; some writers leave one of them 0, which is the code of ADD."""
    build = builder()
    (code,) = build.model.operatorCodes
    code.builtinCode, code.deprecatedBuiltinCode = new, deprecated
    content = build.bytes([0], [3])
    assert [operator.op for operator in parse(content, "codes").operators] == ["FULLY_CONNECTED"]
    Micro(content).call(np.zeros((1, 4), np.int8))


def test_a_scale_is_the_float32_of_the_file() -> None:
    quantization = parse(WHOLE, "whole").tensors[1].quantization
    assert quantization is not None
    assert quantization.scales[0] == float(np.float32(0.1))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 40, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_truncated_file_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "short.tflite"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(GraphError) as caught:
        read(path)
    assert str(path) in str(caught.value) and caught.value.exit_code == 2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be read"):
        read(tmp_path / "absent.tflite")


def test_another_format_is_refused() -> None:
    with pytest.raises(GraphError, match="not a \\.tflite file"):
        parse(b"\x7fELF" + bytes(100), "program.elf")


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_are_refused_or_read(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for position, value in changes:
        content[position] = value
    try:
        parse(bytes(content), "damaged")
    except GraphError as error:
        assert "damaged" in str(error)


def _cycle(build: Builder) -> tuple[list[int], list[int]]:
    extra = build.tensor("extra", (1, 3), "int8", 1.0)
    build.operator("ADD", [extra, 3], [extra], options("AddOptions"))
    return [0], [extra]


def _index(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.operators[0].inputs = [0, 99, 2]
    return [0], [3]


def _twice(build: Builder) -> tuple[list[int], list[int]]:
    build.operator("ADD", [0, 0], [3], options("AddOptions"))
    return [0], [3]


def _huge(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.tensors[0].shape = [1 << 20, 1 << 20]
    return [0], [3]


def _negative(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.tensors[0].shape = [1, -4]
    return [0], [3]


def _short_constant(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.tensors[1].shape = [3, 5]
    return [0], [3]


def _scale(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.tensors[0].quantization.scale = [float("nan")]
    return [0], [3]


def _version(build: Builder) -> tuple[list[int], list[int]]:
    build.model.version = 2
    return [0], [3]


def _options(build: Builder) -> tuple[list[int], list[int]]:
    build.graph.operators[0].builtinOptions = options("SoftmaxOptions")
    build.graph.operators[0].builtinOptionsType = 9
    return [0], [3]


def _unwritten(build: Builder) -> tuple[list[int], list[int]]:
    return [0], [build.tensor("nobody", (1,), "int8", 1.0)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cycle, "before anything has written it"),
        (_index, "reads tensor 99 of 4"),
        (_twice, "written already"),
        (_huge, "impossible shape"),
        (_negative, "impossible shape"),
        (_short_constant, "has 12 bytes, expected 15"),
        (_scale, "negative or not finite"),
        (_version, "schema version 2, expected 3"),
        (_options, "not FullyConnectedOptions"),
        (_unwritten, "'nobody' is never written"),
    ],
)
def test_an_inconsistent_model_is_refused(spoil: object, words: str) -> None:
    build = builder()
    inputs, outputs = spoil(build)  # type: ignore[operator]
    with pytest.raises(GraphError, match=words):
        parse(build.bytes(inputs, outputs), "inconsistent")


def test_two_subgraphs_are_refused() -> None:
    build = builder()
    build.model.subgraphs.append(build.graph)
    build.graph.inputs, build.graph.outputs = [0], [3]
    writer = flatbuffers.Builder(1024)
    writer.Finish(build.model.Pack(writer), b"TFL3")
    with pytest.raises(GraphError, match="2 subgraphs"):
        parse(bytes(writer.Output()), "control flow")
