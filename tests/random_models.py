"""Small random models of every operator, for comparing the compiler with the TensorFlow Lite Micro interpreter.

    content = MODELS["conv_2d"](np.random.default_rng(1), "int8")    # the bytes of a .tflite file

A model is drawn either as a converter would quantise it, so that outputs spread over the codes, or with extreme scales,
zero points and biases: sums saturate, rescalings underflow (shifts beyond -31) or overflow 32 bits. `dtype` is the type
of the activations, int8 or int16.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tflite_builder import Builder, options, schema

Rng = np.random.Generator
Make = Callable[[Rng, str], bytes]

REALISTIC: Final = 0.75  # share of layers that are quantised as a converter would
NONE, RELU, RELU6 = (getattr(schema.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6"))
ACTIVATIONS: Final = [NONE, RELU, RELU6, schema.ActivationFunctionType.RELU_N1_TO_1]
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


def chance(rng: Rng, probability: float) -> bool:
    return bool(rng.random() < probability)


def limits(dtype: str) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def some_zero(rng: Rng, dtype: str) -> int:
    return 0 if dtype == "int16" else int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))]))


def some_scale(rng: Rng) -> float:
    return float(np.exp(rng.uniform(-7, 2)))


def sizes(rng: Rng, low: int, high: int, count: int) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.integers(low, high, count))


def activation(rng: Rng) -> int:
    return int(rng.choice(ACTIVATIONS))


def output_size(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent) // stride + 1


class Layer:
    """The constants of an operator that multiplies and accumulates: `operands` after the input, and how the output is
    quantised.

    Realistic: an output of random codes spreads over most of the range, with or without a ReLU. Extreme: anything.
    """

    def __init__(self, rng: Rng, build: Builder, dtype: str, source_scale: float, shape: tuple[int, ...], axis: int,
                 fan_in: int, bias_types: tuple[str, ...] = ("int32", "int64")) -> None:  # fmt: skip
        self.realistic = realistic = chance(rng, REALISTIC)
        channels = shape[axis]
        count = channels if channels > 1 and chance(rng, 0.7) else 1
        low, high = limits(dtype)
        if realistic:
            scales = rng.uniform(0.3, 1, count) * float(np.exp(rng.uniform(-7, -3)))
            spread = 127 / np.sqrt(3) * high / np.sqrt(3) * np.sqrt(fan_in)  # of a sum of random products
            self.activation = int(rng.choice([NONE, RELU]))
            self.scale = float(source_scale * scales.mean() * spread / (high * rng.uniform(0.3, 1.2)))
            self.zero_point = 0 if dtype == "int16" else low if self.activation == RELU else int(rng.integers(-40, 40))
            largest_bias = spread
        else:
            scales = np.exp(rng.uniform(-7, 2, count)) / 100 * np.where(rng.random(count) < 0.1, 1e-12, 1)
            self.activation = activation(rng)
            self.scale = float(source_scale * some_scale(rng) * np.sqrt(fan_in) * rng.choice([0.02, 0.5, 20]))
            if dtype == "int16":  # beyond 2^7 the reference kernel gives up
                self.scale = max(self.scale, float(source_scale * scales.max() / 100))
            self.activation = self.activation if self.scale > 1e-8 else NONE  # 6 must be an int32 code
            self.zero_point = some_zero(rng, dtype)
            largest_bias = float(rng.choice([20000, 1 << 30]))
        weights = build.tensor("weights", shape, "int8", scales.tolist() if count > 1 else float(scales[0]), 0, axis,
                               rng.integers(-127, 128, shape))  # fmt: skip
        self.operands = [weights]
        self.bias_type = schema.TensorType.FLOAT32  # the schema's default
        if chance(rng, 0.8):
            kind = "int32" if dtype == "int8" else str(rng.choice(bias_types))
            values = (largest_bias * rng.uniform(-1, 1, channels)).astype(np.int64)
            if kind == "int32":
                values = np.clip(values, -(1 << 30), 1 << 30)
            per_channel = (source_scale * scales).tolist()
            self.operands.append(build.tensor("bias", (channels,), kind, per_channel if count > 1 else per_channel[0],
                                              0, 0, values))  # fmt: skip
        elif dtype == "int16" and "int32" in bias_types and chance(rng, 0.5):
            self.bias_type = schema.TensorType.INT32


def conv_2d(rng: Rng, dtype: str) -> bytes:
    return _convolution(rng, dtype, [1, 1, 1, 1, 1, 1, 2, 3])


def grouped_conv_2d(rng: Rng, dtype: str) -> bytes:
    return _convolution(rng, dtype, [2, 3, 4, 6])


def _convolution(rng: Rng, dtype: str, choices: list[int]) -> bytes:
    build = Builder()
    groups = int(rng.choice(choices))
    depth, channels = int(rng.choice([1, 2, 3, 4, 5, 8, 12])), int(rng.integers(1, 11)) * groups
    kernel, stride, dilation = _window(rng)
    padding = int(rng.choice([SAME, VALID]))
    size = sizes(rng, 5, 12, 2)
    out = _outputs(size, kernel, stride, dilation, padding)
    if min(out) < 1:
        return _convolution(rng, dtype, choices)
    scale = some_scale(rng)
    layer = Layer(rng, build, dtype, scale, (channels, *kernel, depth), 0, kernel[0] * kernel[1] * depth)
    source = build.tensor("in", (1, *size, depth * groups), dtype, scale, some_zero(rng, dtype))
    result = build.tensor("out", (1, *out, channels), dtype, layer.scale, layer.zero_point)
    build.operator("CONV_2D", [source, *layer.operands], [result], options(
        "Conv2DOptions", padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0],
        dilationWFactor=dilation[1], fusedActivationFunction=layer.activation,
        quantizedBiasType=layer.bias_type))  # fmt: skip
    return build.bytes([source], [result])


def depthwise_conv_2d(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    depth, multiplier = int(rng.integers(1, 10)), int(rng.choice([1, 1, 1, 2, 3]))
    channels = depth * multiplier
    kernel, stride, dilation = _window(rng)
    padding = int(rng.choice([SAME, VALID]))
    size = sizes(rng, 5, 13, 2)
    out = _outputs(size, kernel, stride, dilation, padding)
    if min(out) < 1:
        return depthwise_conv_2d(rng, dtype)
    scale = some_scale(rng)
    layer = Layer(rng, build, dtype, scale, (1, *kernel, channels), 3, kernel[0] * kernel[1], ("int64",))
    source = build.tensor("in", (1, *size, depth), dtype, scale, some_zero(rng, dtype))
    result = build.tensor("out", (1, *out, channels), dtype, layer.scale, layer.zero_point)
    build.operator("DEPTHWISE_CONV_2D", [source, *layer.operands], [result], options(
        "DepthwiseConv2DOptions", padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0],
        dilationWFactor=dilation[1], depthMultiplier=multiplier,
        fusedActivationFunction=layer.activation))  # fmt: skip
    return build.bytes([source], [result])


def _window(rng: Rng) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, stride and dilation: often 3 x 3 or 1 x 1, also long ones, of one row or one column."""
    kernel = sizes(rng, 1, 6, 2)
    kind = rng.integers(6)
    if kind < 2:
        kernel = (3, 3) if kind else (1, 1)
    elif kind == 2:
        kernel = (1, kernel[1]) if chance(rng, 0.5) else (kernel[0], 1)
    if chance(rng, 0.15):
        return kernel, (1, 1), tuple(int(value) for value in rng.choice([1, 2, 3], 2))
    return kernel, tuple(int(value) for value in rng.choice([1, 1, 2, 3], 2)), (1, 1)


def _outputs(size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...],
             padding: int) -> tuple[int, ...]:  # fmt: skip
    return tuple(output_size(*of_axis, padding) for of_axis in zip(size, kernel, stride, dilation, strict=True))


def fully_connected(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    batches, inputs, outputs = (int(rng.integers(1, high)) for high in (4, 70, 14))
    scale = some_scale(rng)
    layer = Layer(rng, build, dtype, scale, (outputs, inputs), 0, inputs)
    source = build.tensor("in", (batches, inputs), dtype, scale, some_zero(rng, dtype))
    if chance(rng, 0.1):  # an asymmetric matrix, which the per-tensor kernel honours
        layer.operands = [build.tensor("matrix", (outputs, inputs), "int8", layer.scale / scale / 900,
                                       some_zero(rng, "int8"), 0, rng.integers(-128, 128, (outputs, inputs)))]  # fmt: skip
    result = build.tensor("out", (batches, outputs), dtype, layer.scale, layer.zero_point)
    build.operator("FULLY_CONNECTED", [source, *layer.operands], [result], options(
        "FullyConnectedOptions", fusedActivationFunction=layer.activation,
        quantizedBiasType=layer.bias_type))  # fmt: skip
    return build.bytes([source], [result])


def mean(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    shape = tuple(1 if chance(rng, 0.2) else size for size in sizes(rng, 1, 9, 4))
    choices = [[1, 2], [2, 1], [3], [1], [2, 3], [-1], [1, 2, 3], [-2, -3], [0, 1], [0, 1, 2, 3]]
    axes = choices[int(rng.integers(len(choices)))]
    keep = bool(rng.integers(2))
    resolved = {axis % 4 for axis in axes}
    kept = tuple(1 if i in resolved else size for i, size in enumerate(shape) if keep or i not in resolved)
    scale = some_scale(rng)
    source = build.tensor("in", shape, dtype, scale, some_zero(rng, dtype))
    axis = build.tensor("axis", (len(axes),), "int32", data=np.array(axes, np.int32))
    factor = 1 if chance(rng, 0.3) else float(rng.uniform(0.05, 4))
    result = build.tensor("out", kept, dtype, scale * factor, some_zero(rng, dtype))
    build.operator("MEAN", [source, axis], [result], options("ReducerOptions", keepDims=keep))
    return build.bytes([source], [result])


def pad(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 5))
    shape = sizes(rng, 1, 6, rank)
    pads = rng.integers(0, 4, (rank, 2))
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    source = build.tensor("in", shape, dtype, scale, zero)
    amount = build.tensor("pads", (rank, 2), "int32", data=pads.astype(np.int32))
    padded = tuple(int(s + p.sum()) for s, p in zip(shape, pads, strict=True))
    result = build.tensor("out", padded, dtype, scale, zero)
    build.operator("PAD", [source, amount], [result], options("PadOptions"))
    return build.bytes([source], [result])


def pool_2d(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    depth, kernel, stride = int(rng.integers(1, 9)), sizes(rng, 1, 5, 2), sizes(rng, 1, 4, 2)
    padding = int(rng.choice([SAME, VALID]))
    size = sizes(rng, 5, 11, 2)
    out = _outputs(size, kernel, stride, (1, 1), padding)
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    source = build.tensor("in", (1, *size, depth), dtype, scale, zero)
    result = build.tensor("out", (1, *out, depth), dtype, scale, zero)
    build.operator(str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])), [source], [result], options(
        "Pool2DOptions", padding=padding, strideH=stride[0], strideW=stride[1], filterHeight=kernel[0],
        filterWidth=kernel[1], fusedActivationFunction=activation(rng)))  # fmt: skip
    return build.bytes([source], [result])


def add(rng: Rng, dtype: str) -> bytes:
    """A residual connection: two activations of one shape."""
    build = Builder()
    shape = sizes(rng, 1, 7, 4)
    scale = some_scale(rng)
    realistic = chance(rng, REALISTIC)
    spread = 0.7 if realistic else 6
    fused = int(rng.choice([NONE, RELU])) if realistic else activation(rng)
    zero = -128 if realistic and fused == RELU and dtype == "int8" else some_zero(rng, dtype)
    a = build.tensor("a", shape, dtype, scale, some_zero(rng, dtype))
    b = build.tensor("b", shape, dtype, scale * float(np.exp(rng.uniform(-spread, spread))), some_zero(rng, dtype))
    result = build.tensor("out", shape, dtype, scale * float(np.exp(rng.uniform(0, 1) if realistic else
                                                                    rng.uniform(-1, 3))), zero)  # fmt: skip
    build.operator("ADD", [a, b], [result], options("AddOptions", fusedActivationFunction=fused))
    return build.bytes([a, b], [result])


def binary(rng: Rng, dtype: str) -> bytes:
    """ADD, SUB, MUL, MINIMUM or MAXIMUM of shapes that broadcast; one operand may be a constant, often a single
    value."""
    build = Builder()
    op = str(rng.choice(["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM"]))
    shape = sizes(rng, 1, 5, int(rng.integers(1, 6)))
    repeats = rng.choice([0, 0, 0, 1, 2], len(shape))  # along an axis: nobody, the first or the second operand
    shapes = [
        tuple(1 if repeat == who else size for size, repeat in zip(shape, repeats, strict=True)) for who in (1, 2)
    ]
    for who in (0, 1):
        while shapes[who][:1] == (1,) and len(shapes[who]) > 1 and chance(rng, 0.5):
            shapes[who] = shapes[who][1:]
    fixed = int(rng.choice([-1, -1, 0, 1]))
    if fixed >= 0 and chance(rng, 0.3):
        shapes[fixed] = () if chance(rng, 0.5) else (1,)
    output = np.broadcast_shapes(*shapes)
    scale, low, high = some_scale(rng), *limits(dtype)
    scales = [scale, scale * float(np.exp(rng.uniform(-3, 3)))]
    operands = [
        build.tensor(name, shapes[who], dtype, scales[who], some_zero(rng, dtype), 0,
                     rng.integers(low, high + 1, shapes[who]) if who == fixed else None)
        for who, name in enumerate(("a", "b"))
    ]  # fmt: skip
    if op == "MUL":
        scale = scales[0] * scales[1] * float(np.exp(rng.uniform(-2, 6)))
        scale *= 64 if dtype == "int16" else 1
    else:
        scale *= float(np.exp(rng.uniform(-1, 3)))
    result = build.tensor("out", output, dtype, scale, some_zero(rng, dtype))
    extra: dict[str, Any] = {} if op in ("MINIMUM", "MAXIMUM") else {"fusedActivationFunction": activation(rng)}
    kind = "MaximumMinimumOptions" if op in ("MINIMUM", "MAXIMUM") else f"{op.capitalize()}Options"
    build.operator(op, operands, [result], options(kind, **extra))
    return build.bytes([operand for who, operand in enumerate(operands) if who != fixed], [result])


def softmax(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    shape = sizes(rng, 1, 30, int(rng.integers(1, 3)))
    scale = float(np.exp(rng.uniform(-9, 4))) / (256 if dtype == "int16" else 1)
    source = build.tensor("in", shape, dtype, scale, some_zero(rng, dtype))
    quantised = (1 / 256, -128) if dtype == "int8" else (1 / 32768, 0)
    result = build.tensor("out", shape, dtype, *quantised)
    beta = float(rng.choice([1.0, 1.0, 0.3, 2.5]))
    build.operator("SOFTMAX", [source], [result], options("SoftmaxOptions", beta=beta))
    return build.bytes([source], [result])


def unary(rng: Rng, dtype: str) -> bytes:
    """RELU, RELU6, LOGISTIC, TANH, and HARD_SWISH where the reference has it."""
    build = Builder()
    ops = ["RELU", "RELU6", "LOGISTIC", "TANH", *(["HARD_SWISH"] if dtype == "int8" else [])]
    op = str(rng.choice(ops))
    shape = sizes(rng, 1, 30, 2)
    scale = float(np.exp(rng.uniform(-8, 0.5))) / (128 if dtype == "int16" else 1)
    if dtype == "int16" and chance(rng, 0.3):
        scale = float(2.0 ** -rng.integers(10, 14))  # exact powers of two take another way
    source = build.tensor("in", shape, dtype, scale, some_zero(rng, dtype))
    low, high = limits(dtype)
    output = {
        "LOGISTIC": (1 / (high - low + 1), low if dtype == "int8" else 0),
        "TANH": (1 / (high + 1), 0),
        "HARD_SWISH": (scale * float(np.exp(rng.uniform(-4, 2))), some_zero(rng, dtype)),
    }.get(op, (scale * float(rng.choice([1, 1, 0.7, 1.9])), some_zero(rng, dtype)))
    if op == "LOGISTIC" and dtype == "int16":
        output = (1 / 32768, 0)
    result = build.tensor("out", shape, dtype, *output)
    build.operator(op, [source], [result], options("HardSwishOptions") if op == "HARD_SWISH" else None)
    return build.bytes([source], [result])


def quantize(rng: Rng, dtype: str) -> bytes:
    """From int8 or int16 to `dtype`."""
    build = Builder()
    shape = sizes(rng, 1, 30, 2)
    origin = str(rng.choice(["int8", "int16"]))
    scale = some_scale(rng)
    factor = 1.0 if chance(rng, 0.2) else float(np.exp(rng.uniform(-5, 5)))
    source = build.tensor("in", shape, origin, scale, some_zero(rng, origin))
    result = build.tensor("out", shape, dtype, scale * factor, some_zero(rng, dtype))
    build.operator("QUANTIZE", [source], [result], options("QuantizeOptions"))
    return build.bytes([source], [result])


def concatenation(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 5))
    axis = int(rng.integers(-rank, rank))
    shape = sizes(rng, 1, 5, rank)
    scale, zero, (low, high) = some_scale(rng), some_zero(rng, dtype), limits(dtype)
    parts, inputs, total = [], [], 0
    for number in range(int(rng.choice([2, 3, 10]))):
        part = [*shape]
        part[axis] = int(rng.integers(1, 6))
        total += part[axis]
        constant = number > 0 and chance(rng, 0.2)
        data = rng.integers(low, high + 1, part) if constant else None
        parts.append(build.tensor(f"in{number}", tuple(part), dtype, scale, zero, 0, data))
        inputs += [] if constant else [parts[-1]]
    output = [*shape]
    output[axis] = total
    result = build.tensor("out", tuple(output), dtype, scale, zero)
    build.operator("CONCATENATION", parts, [result], options("ConcatenationOptions", axis=axis))
    return build.bytes(inputs, [result])


def strided_slice(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 5))
    shape = sizes(rng, 1, 8, rank)
    begins, ends, strides = [], [], []
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
    index: list[Any] = []
    for axis, size in enumerate(shape):
        stride = int(rng.choice([1, 1, 2, 3, -1, -2]))
        begin, end = sorted(sizes(rng, 0, size + 1, 2))
        if begin == end:
            begin, end = 0, size
        if stride < 0:
            begin, end = end - 1, (begin - 1 if begin else -size - 1)
        if chance(rng, 0.2) and stride > 0:
            masks["shrinkAxisMask"] |= 1 << axis
            index.append(begin)
            end, stride = begin + 1, 1
        else:
            open_begin, open_end = chance(rng, 0.2), chance(rng, 0.2)
            masks["beginMask"] |= open_begin << axis
            masks["endMask"] |= open_end << axis
            index.append(slice(None if open_begin else begin, None if open_end else end, stride))
        begins.append(begin - size if chance(rng, 0.3) else begin)  # negative ones count from the end
        ends.append(end)
        strides.append(stride)
    output = np.zeros(shape)[tuple(index)].shape
    if 0 in output:
        return strided_slice(rng, dtype)
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    source = build.tensor("in", shape, dtype, scale, zero)
    indices = [
        build.tensor(name, (rank,), "int32", data=np.array(values, np.int32))
        for name, values in (("begin", begins), ("end", ends), ("strides", strides))
    ]
    result = build.tensor("out", output, dtype, scale, zero)
    build.operator("STRIDED_SLICE", [source, *indices], [result], options("StridedSliceOptions", **masks))
    return build.bytes([source], [result])


def split(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 5))
    axis, parts = int(rng.integers(-rank, rank)), int(rng.integers(1, 5))
    shape = [*sizes(rng, 1, 6, rank)]
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    number = build.tensor("axis", (), "int32", data=np.array(axis, np.int32))
    outputs = [build.tensor(f"out{part}", tuple(shape), dtype, scale, zero) for part in range(parts)]
    shape[axis] *= parts
    source = build.tensor("in", tuple(shape), dtype, scale, zero)
    build.operator("SPLIT", [number, source], outputs, options("SplitOptions", numSplits=parts))
    return build.bytes([source], outputs)


def transpose(rng: Rng, dtype: str) -> bytes:
    build = Builder()
    rank = int(rng.integers(1, 6))
    shape = sizes(rng, 1, 6, rank)
    order = [int(axis) for axis in rng.permutation(rank)]
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    source = build.tensor("in", shape, dtype, scale, zero)
    permutation = build.tensor("permutation", (rank,), "int32", data=np.array(order, np.int32))
    result = build.tensor("out", tuple(shape[axis] for axis in order), dtype, scale, zero)
    build.operator("TRANSPOSE", [source, permutation], [result], options("TransposeOptions"))
    return build.bytes([source], [result])


def chain(rng: Rng, dtype: str) -> bytes:
    """Operators element by element, each on any two tensors before it, the same one twice among them, or on a constant:
    what passes fuse, and what they may not because somebody else needs it."""
    build = Builder()
    size = int(rng.integers(1, 40))
    low, high = limits(dtype)

    def tensor(name: str, scale: float, zero: int) -> int:
        scales.append(scale)
        return build.tensor(name, (1, size), dtype, scale, zero)

    scales: list[float] = []
    tensors = [tensor(name, float(rng.uniform(0.5, 2)) / high, some_zero(rng, dtype)) for name in ("a", "b")]
    for number in range(int(rng.integers(3, 10))):
        op = str(rng.choice(["ADD", "SUB", "MUL", "TANH", "LOGISTIC", "RELU", "QUANTIZE"]))
        first, second = (int(rng.integers(max(0, len(tensors) - 4), len(tensors))) for _ in range(2))
        name, factor = f"t{number}", float(np.exp(rng.uniform(-0.5, 1)))
        if op in ("TANH", "LOGISTIC"):
            halved = op == "LOGISTIC" and dtype == "int8"
            tensors.append(tensor(name, 1 / (high + 1) / (2 if halved else 1), -128 if halved else 0))
            build.operator(op, [tensors[first]], [tensors[-1]])
            continue
        if op in ("RELU", "QUANTIZE"):
            tensors.append(tensor(name, scales[first] * factor, some_zero(rng, dtype)))
            build.operator(
                op, [tensors[first]], [tensors[-1]], options("QuantizeOptions") if op == "QUANTIZE" else None
            )
            continue
        operands, other = [tensors[first], tensors[second]], scales[second]
        if chance(rng, 0.3):
            other, shape = float(rng.uniform(0.1, 1)) / high, (1, size) if chance(rng, 0.3) else (1,)
            operands[1] = build.tensor(f"c{number}", shape, dtype, other, 0, 0, rng.integers(low, high + 1, shape))
        scale = scales[first] * other * high if op == "MUL" else max(scales[first], other)
        tensors.append(tensor(name, scale * factor, some_zero(rng, dtype)))
        fused = int(rng.choice([NONE, NONE, RELU]))
        build.operator(op, operands, [tensors[-1]], options(f"{op.capitalize()}Options", fusedActivationFunction=fused))
    last = [tensors[-1], *([tensors[-3]] if chance(rng, 0.5) and len(tensors) > 4 else [])]
    return build.bytes(tensors[:2], last)


def network(rng: Rng, dtype: str) -> bytes:
    """Pad, strided convolution, two branches, ADD, a gate, concatenation, mean, reshape and a dense layer: every pass
    has work."""
    build = Builder()
    scale, zero = some_scale(rng), some_zero(rng, dtype)
    channels = int(rng.choice([3, 4, 6, 8]))
    source = build.tensor("in", (1, 8, 8, 2), dtype, scale, zero)
    pads = build.tensor("pads", (4, 2), "int32", data=np.array([[0, 0], [1, 0], [2, 1], [0, 0]], np.int32))
    padded = build.tensor("padded", (1, 9, 11, 2), dtype, scale, zero)
    build.operator("PAD", [source, pads], [padded], options("PadOptions"))
    layer = Layer(rng, build, dtype, scale, (channels, 3, 3, 2), 0, 18)
    image = (1, 4, 5, channels)
    stem = build.tensor("stem", image, dtype, layer.scale, layer.zero_point)
    build.operator("CONV_2D", [padded, *layer.operands], [stem], options(
        "Conv2DOptions", padding=VALID, strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1,
        fusedActivationFunction=layer.activation, quantizedBiasType=layer.bias_type))  # fmt: skip
    inner = Layer(rng, build, dtype, layer.scale, (1, 3, 3, channels), 3, 9, ("int64",))
    branch = build.tensor("branch", image, dtype, inner.scale, inner.zero_point)
    build.operator("DEPTHWISE_CONV_2D", [stem, *inner.operands], [branch], options(
        "DepthwiseConv2DOptions", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        depthMultiplier=1, fusedActivationFunction=inner.activation))  # fmt: skip
    scale, zero = 1.5 * max(layer.scale, inner.scale), some_zero(rng, dtype)
    total = build.tensor("sum", image, dtype, scale, zero)
    build.operator("ADD", [branch, stem], [total], options("AddOptions"))
    pooled = build.tensor("pooled", (1, 1, 1, channels), dtype, scale / 4 if scale < 1 else 0.01, zero)
    axis = build.tensor("axis", (2,), "int32", data=np.array([1, 2], np.int32))
    build.operator("MEAN", [total, axis], [pooled], options("ReducerOptions", keepDims=True))
    gate = build.tensor("gate", (1, 1, 1, channels), dtype, *((1 / 256, -128) if dtype == "int8" else (1 / 32768, 0)))
    build.operator("LOGISTIC", [pooled], [gate])
    gated = build.tensor("gated", image, dtype, scale, zero)
    build.operator("MUL", [total, gate], [gated], options("MulOptions"))
    both = build.tensor("both", (*image[:3], 2 * channels), dtype, scale, zero)
    build.operator("CONCATENATION", [gated, total], [both], options("ConcatenationOptions", axis=3))
    flat = build.tensor("flat", (1, 40 * channels), dtype, scale, zero)
    shape = build.tensor("shape", (2,), "int32", data=np.array([1, 40 * channels], np.int32))
    build.operator("RESHAPE", [both, shape], [flat], options("ReshapeOptions", newShape=[1, 40 * channels]))
    last = Layer(rng, build, dtype, scale, (3, 40 * channels), 0, 40 * channels)
    logits = build.tensor("logits", (1, 3), dtype, last.scale, last.zero_point)
    build.operator("FULLY_CONNECTED", [flat, *last.operands], [logits], options(
        "FullyConnectedOptions", quantizedBiasType=last.bias_type))  # fmt: skip
    return build.bytes([source], [logits, total])


MODELS: Final[dict[str, Make]] = {
    make.__name__: make
    for make in (conv_2d, grouped_conv_2d, depthwise_conv_2d, fully_connected, mean, pad, pool_2d, add, binary, softmax, unary, quantize,
                 concatenation, strided_slice, split, transpose, chain, network)
}  # fmt: skip
