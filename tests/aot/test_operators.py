"""Every operator against the TensorFlow Lite Micro interpreter: random shapes, scales, zero points and values."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from native_c import differing
from tflite_builder import Builder, options, schema

ACTIVATIONS = [schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU,
               schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.RELU_N1_TO_1]  # fmt: skip
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
Rng = np.random.Generator


def _zero(rng: Rng) -> int:
    return int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))]))


def _scale(rng: Rng) -> float:
    return float(np.exp(rng.uniform(-7, 2)))


def _out(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent) // stride + 1


def _weights(rng: Rng, build: Builder, shape: tuple[int, ...], channels: int, axis: int, source: float) -> list[int]:
    """Weights and bias; per channel or per tensor, sometimes with channels whose multiplier underflows."""
    count = channels if rng.random() < 0.7 else 1
    scales = [_scale(rng) / 100 * (1e-12 if rng.random() < 0.05 else 1) for _ in range(count)]
    weights = rng.integers(-127, 128, shape)
    scale: float | list[float] = scales if count > 1 else scales[0]
    inputs = [build.tensor("weights", shape, "int8", scale, 0, axis, weights)]
    if rng.random() < 0.8:
        bias = rng.integers(-20000, 20000, channels)
        per_channel = [source * value for value in scales]
        inputs.append(build.tensor("bias", (channels,), "int32", per_channel if count > 1 else per_channel[0],
                                   0, 0, bias))  # fmt: skip
    return inputs


def _output_scale(rng: Rng, source: float, fan_in: int) -> float:
    """A scale that makes outputs spread over the codes, saturate, or vanish."""
    return float(source * _scale(rng) * np.sqrt(fan_in) * rng.choice([0.02, 0.5, 20]))


def conv_2d(rng: Rng) -> bytes:
    build = Builder()
    groups = int(rng.choice([1, 1, 1, 2]))
    depth, channels = int(rng.integers(1, 7)), int(rng.integers(1, 6)) * groups
    kernel, stride, dilation = rng.integers(1, 4, 2), rng.integers(1, 3, 2), rng.choice([1, 1, 2], 2)
    if max(dilation) > 1:
        stride = np.ones(2, int)
    padding = int(rng.choice([SAME, VALID]))
    size = rng.integers(5, 10, 2)
    out = [
        _out(int(s), int(k), int(t), int(d), padding) for s, k, t, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    scale = _scale(rng)
    source = build.tensor("in", (1, *map(int, size), depth * groups), "int8", scale, _zero(rng))
    rest = _weights(rng, build, (channels, *map(int, kernel), depth), channels, 0, scale)
    result = build.tensor("out", (1, *out, channels), "int8", _output_scale(rng, scale, depth), _zero(rng))
    build.operator("CONV_2D", [source, *rest], [result], options(
        "Conv2DOptions", padding=padding, strideH=int(stride[0]), strideW=int(stride[1]),
        dilationHFactor=int(dilation[0]), dilationWFactor=int(dilation[1]),
        fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    return build.bytes([source], [result])


def depthwise_conv_2d(rng: Rng) -> bytes:
    build = Builder()
    depth, multiplier = int(rng.integers(1, 8)), int(rng.choice([1, 1, 2, 3]))
    channels = depth * multiplier
    kernel, stride, dilation = rng.integers(1, 5, 2), rng.integers(1, 3, 2), rng.choice([1, 1, 2], 2)
    if max(dilation) > 1:
        stride = np.ones(2, int)
    padding = int(rng.choice([SAME, VALID]))
    size = rng.integers(7, 12, 2)
    out = [
        _out(int(s), int(k), int(t), int(d), padding) for s, k, t, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    scale = _scale(rng)
    source = build.tensor("in", (1, *map(int, size), depth), "int8", scale, _zero(rng))
    rest = _weights(rng, build, (1, *map(int, kernel), channels), channels, 3, scale)
    result = build.tensor("out", (1, *out, channels), "int8", _output_scale(rng, scale, 4), _zero(rng))
    build.operator("DEPTHWISE_CONV_2D", [source, *rest], [result], options(
        "DepthwiseConv2DOptions", padding=padding, strideH=int(stride[0]), strideW=int(stride[1]),
        dilationHFactor=int(dilation[0]), dilationWFactor=int(dilation[1]), depthMultiplier=multiplier,
        fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    return build.bytes([source], [result])


def fully_connected(rng: Rng) -> bytes:
    build = Builder()
    batches, inputs, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 70)), int(rng.integers(1, 12))
    scale, weight_scale = _scale(rng), _scale(rng) / 100
    source = build.tensor("in", (batches, inputs), "int8", scale, _zero(rng))
    operands = [source, *_weights(rng, build, (outputs, inputs), outputs, 0, scale)]
    if rng.random() < 0.3:  # an asymmetric matrix, which the per-tensor kernel honours
        matrix = rng.integers(-128, 128, (outputs, inputs))
        operands = [source, build.tensor("matrix", (outputs, inputs), "int8", weight_scale, _zero(rng), 0, matrix)]
    result = build.tensor("out", (batches, outputs), "int8", _output_scale(rng, scale, inputs), _zero(rng))
    build.operator("FULLY_CONNECTED", operands, [result], options(
        "FullyConnectedOptions", fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    return build.bytes([source], [result])


def mean(rng: Rng) -> bytes:
    build = Builder()
    shape = tuple(int(size) for size in rng.integers(1, 9, 4))
    axes = [[1, 2], [2, 1], [3], [1], [2, 3], [-1], [1, 2, 3], [-2, -3]][int(rng.integers(8))]
    keep = bool(rng.integers(2))
    resolved = {axis % 4 for axis in axes}
    kept = tuple(1 if i in resolved else size for i, size in enumerate(shape) if keep or i not in resolved)
    scale = _scale(rng)
    source = build.tensor("in", shape, "int8", scale, _zero(rng))
    axis = build.tensor("axis", (len(axes),), "int32", data=np.array(axes, np.int32))
    same = rng.random() < 0.3
    result = build.tensor("out", kept, "int8", scale if same else scale * float(rng.uniform(0.05, 4)), _zero(rng))
    build.operator("MEAN", [source, axis], [result], options("ReducerOptions", keepDims=keep))
    return build.bytes([source], [result])


def pad(rng: Rng) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 5))
    shape = tuple(int(size) for size in rng.integers(1, 6, rank))
    pads = rng.integers(0, 4, (rank, 2))
    scale, zero = _scale(rng), _zero(rng)
    source = build.tensor("in", shape, "int8", scale, zero)
    amount = build.tensor("pads", (rank, 2), "int32", data=pads.astype(np.int32))
    padded = tuple(int(s + p.sum()) for s, p in zip(shape, pads, strict=True))
    result = build.tensor("out", padded, "int8", scale, zero)
    build.operator("PAD", [source, amount], [result], options("PadOptions"))
    return build.bytes([source], [result])


def pool_2d(rng: Rng) -> bytes:
    build = Builder()
    depth, kernel, stride = int(rng.integers(1, 9)), rng.integers(1, 5, 2), rng.integers(1, 4, 2)
    padding = int(rng.choice([SAME, VALID]))
    size = rng.integers(5, 11, 2)
    out = [_out(int(s), int(k), int(t), 1, padding) for s, k, t in zip(size, kernel, stride, strict=True)]
    scale, zero = _scale(rng), _zero(rng)
    source = build.tensor("in", (1, *map(int, size), depth), "int8", scale, zero)
    result = build.tensor("out", (1, *out, depth), "int8", scale, zero)
    build.operator(str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])), [source], [result], options(
        "Pool2DOptions", padding=padding, strideH=int(stride[0]), strideW=int(stride[1]), filterHeight=int(kernel[0]),
        filterWidth=int(kernel[1]), fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    return build.bytes([source], [result])


def add(rng: Rng) -> bytes:
    build = Builder()
    shape = tuple(int(size) for size in rng.integers(1, 7, 4))
    scale = _scale(rng)
    a = build.tensor("a", shape, "int8", scale, _zero(rng))
    b = build.tensor("b", shape, "int8", scale * float(np.exp(rng.uniform(-6, 6))), _zero(rng))
    result = build.tensor("out", shape, "int8", scale * float(np.exp(rng.uniform(-1, 3))), _zero(rng))
    build.operator("ADD", [a, b], [result], options(
        "AddOptions", fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    return build.bytes([a, b], [result])


def softmax(rng: Rng) -> bytes:
    build = Builder()
    shape = tuple(int(size) for size in rng.integers(1, 30, int(rng.integers(1, 3))))
    source = build.tensor("in", shape, "int8", float(np.exp(rng.uniform(-9, 1))), _zero(rng))
    result = build.tensor("out", shape, "int8", 1 / 256, -128)
    beta = float(rng.choice([1.0, 1.0, 0.3, 2.5]))
    build.operator("SOFTMAX", [source], [result], options("SoftmaxOptions", beta=beta))
    return build.bytes([source], [result])


def residual_network(rng: Rng) -> bytes:
    """Pad, strided convolution, two branches, ADD, global mean, reshape and a dense layer: every pass has work."""
    build = Builder()
    scales = [_scale(rng) / 10 for _ in range(6)]
    zeros = [_zero(rng) for _ in range(6)]
    source = build.tensor("in", (1, 8, 8, 2), "int8", scales[0], zeros[0])
    pads = build.tensor("pads", (4, 2), "int32", data=np.array([[0, 0], [1, 0], [2, 1], [0, 0]], np.int32))
    padded = build.tensor("padded", (1, 9, 11, 2), "int8", scales[0], zeros[0])
    build.operator("PAD", [source, pads], [padded], options("PadOptions"))
    stem = build.tensor("stem", (1, 4, 5, 4), "int8", scales[1], zeros[1])
    build.operator("CONV_2D", [padded, *_weights(rng, build, (4, 3, 3, 2), 4, 0, scales[0])], [stem], options(
        "Conv2DOptions", padding=VALID, strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1))  # fmt: skip
    branch = build.tensor("branch", (1, 4, 5, 4), "int8", scales[2], zeros[2])
    build.operator("DEPTHWISE_CONV_2D", [stem, *_weights(rng, build, (1, 3, 3, 4), 4, 3, scales[1])], [branch], options(
        "DepthwiseConv2DOptions", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        depthMultiplier=1, fusedActivationFunction=int(rng.choice(ACTIVATIONS))))  # fmt: skip
    total = build.tensor("sum", (1, 4, 5, 4), "int8", scales[3], zeros[3])
    build.operator("ADD", [branch, stem], [total], options("AddOptions"))
    pooled = build.tensor("pooled", (1, 1, 1, 4), "int8", scales[4], zeros[4])
    axis = build.tensor("axis", (2,), "int32", data=np.array([1, 2], np.int32))
    build.operator("MEAN", [total, axis], [pooled], options("ReducerOptions", keepDims=True))
    flat = build.tensor("flat", (1, 4), "int8", scales[4], zeros[4])
    shape = build.tensor("shape", (2,), "int32", data=np.array([1, 4], np.int32))
    build.operator("RESHAPE", [pooled, shape], [flat], options("ReshapeOptions", newShape=[1, 4]))
    logits = build.tensor("logits", (1, 3), "int8", scales[5], zeros[5])
    build.operator("FULLY_CONNECTED", [flat, *_weights(rng, build, (3, 4), 3, 0, scales[4])], [logits], options(
        "FullyConnectedOptions"))  # fmt: skip
    return build.bytes([source], [logits, total])


@pytest.mark.parametrize("core", [None, "cortex-m3", "cortex-m4"])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "make",
    [conv_2d, depthwise_conv_2d, fully_connected, mean, pad, pool_2d, add, softmax, residual_network],
    ids=lambda make: make.__name__,
)
def test_equals_the_interpreter(make: Callable[[Rng], bytes], seed: int, core: str | None, tmp_path: Path) -> None:
    rng = np.random.default_rng([seed, sum(make.__name__.encode())])
    assert differing(make(rng), tmp_path, rng, runs=8, core=core) == 0
