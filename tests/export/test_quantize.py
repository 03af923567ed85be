"""Ranges and int8 codes: against PyTorch, and by their definition."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.manifest import Tensor
from export import flatbuffer, graph, quantize
from export.errors import ExportError
from export.float_model import FloatModel
from export.interface import arrange, channels_last
from export.micro import Micro

SAMPLES = 64


@pytest.fixture(scope="module")
def floating(converted: Any) -> bytes:
    return arrange(converted.content, {"image": converted.probe}, converted.model.answers(converted.probe))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(3).random((SAMPLES, 3, 8, 8), dtype=np.float32)


@pytest.fixture(scope="module")
def ranges(floating: bytes, images: np.ndarray) -> quantize.Ranges:
    return quantize.calibrate(FloatModel(floating).run(channels_last(images)))


def _output(content: bytes, name: str) -> graph.Tensor:
    found = graph.parse(content, "int8")
    return next(tensor for tensor in found.tensors if tensor.name == name)


def test_ranges_are_the_extremes_that_pytorch_has(ranges: quantize.Ranges, converted: Any, images: np.ndarray) -> None:
    for name, values in {**converted.model.answers(images), "image": images}.items():
        np.testing.assert_allclose(ranges[name], (values.min(), values.max()), atol=1e-5, err_msg=name)


def test_int8_follows_float(floating: bytes, ranges: quantize.Ranges, converted: Any, images: np.ndarray) -> None:
    content = quantize.quantize(floating, ranges)
    image = _output(content, "image")
    description = Tensor("image", image.shape, image.dtype, image.scale, image.zero_point)
    outputs = Micro(content).run(quantize.to_codes(channels_last(images), description))
    for (name, expected), codes in zip(converted.model.answers(images).items(), outputs, strict=True):
        tensor = _output(content, name)
        real = quantize.to_real(codes, tensor.scale, tensor.zero_point)
        # The logistic's codes span 0 to 1 whatever its range; the others' span their range.
        assert np.abs(real - expected).max() <= 0.05 * (1 if name == "gate" else np.ptp(expected)), name
        assert np.unique(codes).size > 3, f"{name} says nothing"


def test_an_imposed_range_decides_the_scale(floating: bytes, ranges: quantize.Ranges) -> None:
    content = quantize.quantize(floating, {**ranges, "image": (0.0, 1.0), "logits": (-10.0, 15.5)})
    image, logits = _output(content, "image"), _output(content, "logits")
    assert (image.scale, image.zero_point) == (pytest.approx(1 / 255), -128)
    assert (logits.scale, logits.zero_point) == (pytest.approx(25.5 / 255), -28)


def test_missing_range_is_refused(floating: bytes, ranges: quantize.Ranges) -> None:
    with pytest.raises(ExportError, match="could not quantise"):
        quantize.quantize(floating, {name: extremes for name, extremes in ranges.items() if name != "conv_2d_0"})


def test_unknown_range_is_refused(floating: bytes, ranges: quantize.Ranges) -> None:
    with pytest.raises(ExportError, match="'state'"):
        quantize.quantize(floating, {**ranges, "state": (-1.0, 1.0)})


def test_same_ranges_same_bytes(floating: bytes, ranges: quantize.Ranges, images: np.ndarray) -> None:
    assert quantize.calibrate(FloatModel(floating).run(channels_last(images))) == ranges
    assert quantize.quantize(floating, ranges) == quantize.quantize(floating, ranges)


def test_everything_is_integer_and_inputs_and_outputs_keep_their_order(
    floating: bytes, ranges: quantize.Ranges
) -> None:
    found = graph.parse(quantize.quantize(floating, ranges), "int8")
    assert {tensor.dtype for tensor in found.tensors} == {"int8", "int32"}
    names = [found.tensors[index].name for index in (*found.inputs, *found.outputs)]
    assert names == ["image", "logits", "gate", "route"]


def test_constants_are_aligned_as_the_schema_asks(floating: bytes, ranges: quantize.Ranges) -> None:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    content = quantize.quantize(floating, ranges)
    model = schema.Model.GetRootAsModel(content, 0)
    starts = []
    for index in range(model.BuffersLength()):
        table = model.Buffers(index)._tab
        if field := table.Offset(4):  # `data` is the first field of a Buffer
            starts.append(table.Vector(field))
    assert len(starts) > 8
    assert [start % flatbuffer.BUFFER_ALIGNMENT for start in starts] == [0] * len(starts)


scales = st.floats(1e-6, 1e3).map(lambda value: float(np.float32(value)))
zero_points = st.integers(-128, 127)


def _tensor(scale: float, zero_point: int) -> Tensor:
    return Tensor("x", (1,), "int8", scale, zero_point)


@given(scales, zero_points)
def test_codes_survive_a_round_trip(scale: float, zero_point: int) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    real = quantize.to_real(codes, scale, zero_point)
    np.testing.assert_array_equal(quantize.to_codes(real, _tensor(scale, zero_point)), codes)


@given(scales, zero_points, st.lists(st.floats(-1.5, 1.5), min_size=1))
def test_a_code_is_the_nearest_that_there_is(scale: float, zero_point: int, shares: list[float]) -> None:
    real = (np.array(shares) * 256 * scale).astype(np.float32)
    codes = quantize.to_codes(real, _tensor(scale, zero_point))
    found = np.abs(quantize.to_real(codes, scale, zero_point) - real)
    every = quantize.to_real(np.arange(-128, 128).astype(np.int8), scale, zero_point)
    nearest = np.abs(every[None] - real[:, None]).min(axis=1)
    np.testing.assert_allclose(found, nearest, rtol=1e-4, atol=1e-4 * scale)


def test_halves_round_away_from_zero() -> None:
    values = np.array([0.5, 1.5, -0.5, -1.5, 2.4999, -2.4999], np.float32)
    assert quantize.to_codes(values, _tensor(1.0, 0)).tolist() == [1, 2, -1, -2, 2, -2]
