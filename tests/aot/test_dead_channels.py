"""Channels that hold one code disappear, with whatever was computed for them alone, and no byte of the output
changes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation, requantise, requantised
from export.aot.operators import LOWER
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.fully_connected import FullyConnected
from export.aot.passes import PASSES
from export.aot.program import Node, Program, lower
from export.graph import parse
from native_c import differing
from tflite_builder import Builder, options, schema

SIZE, SCALE = 6, 0.05
RELU = schema.ActivationFunctionType.RELU

# What a channel's bias makes of it, with weights of at most 127 and inputs of 0 .. 255: 255 * 127 * 9 * 16 < 5e6.
ALIVE, LOW, HIGH = 0, -(10**7), 10**7
OFFSET = -300_000  # about what two channels at their upper end add to a sum of 3 x 3


class Chain(Builder):
    """Layers one behind the other, on codes whose zero point is -128."""

    def __init__(
        self, rng: np.random.Generator, channels: int, padding: int = schema.Padding.SAME, least_weight: int = 1
    ) -> None:
        super().__init__()
        self.rng, self.padding, self.least_weight = rng, padding, least_weight
        self.source = self.last = self.tensor("in", (1, SIZE, SIZE, channels), "int8", SCALE, -128)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.graph.tensors[self.last].shape)

    def conv(self, kernel: int, biases: Sequence[int], groups: int = 1) -> int:
        depth = self.shape[3] // groups
        return self._window(
            "CONV_2D", "Conv2DOptions", (len(biases), kernel, kernel, depth), biases, kernel * kernel * depth
        )

    def depthwise(self, kernel: int, biases: Sequence[int]) -> int:
        return self._window(
            "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", (1, kernel, kernel, len(biases)), biases, kernel * kernel
        )

    def _window(self, op: str, kind: str, shape: tuple[int, ...], biases: Sequence[int], terms: int) -> int:
        axis = 3 if op.startswith("DEPTH") else 0
        scales = (self.rng.uniform(1, 3, len(biases)) * 0.02 / terms).tolist()
        inputs = [self.last, *self._weights(shape, biases, scales, axis)]
        size = self.shape[1] if self.padding == schema.Padding.SAME else self.shape[1] - shape[1] + 1
        fields = {"padding": self.padding, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        if op.startswith("DEPTH"):
            fields["depthMultiplier"] = len(biases) // self.shape[3]
        self.then(op, inputs, (1, size, size, len(biases)), options(kind, fusedActivationFunction=RELU, **fields))
        return self.last

    def dense(self, outputs: int) -> int:
        inputs = int(np.prod(self.shape[1:]))
        values = self._weights((outputs, inputs), [ALIVE] * outputs, [0.05 / inputs], 0)
        return self.then("FULLY_CONNECTED", [self.last, *values], (1, outputs), options("FullyConnectedOptions"))

    def _weights(self, shape: tuple[int, ...], biases: Sequence[int], scales: list[float], axis: int) -> list[int]:
        count = len(self.graph.tensors)
        scale: float | list[float] = scales if len(scales) > 1 else scales[0]
        values = self.rng.integers(self.least_weight, 128, shape)
        weights = self.tensor(f"w{count}", shape, "int8", scale, 0, axis, values)
        added: NDArray[np.int64] = np.array(biases) + self.rng.integers(-999, 999, len(biases))
        products = [SCALE * value for value in scales]
        bias = self.tensor(
            f"b{count}", (len(biases),), "int32", products if len(scales) > 1 else products[0], 0, 0, added
        )
        return [weights, bias]

    def then(self, op: str, inputs: list[int], shape: tuple[int, ...], fields: object = None) -> int:
        target = self.tensor(f"t{len(self.graph.tensors)}", shape, "int8", SCALE, -128)
        self.operator(op, inputs, [target], fields)
        self.last = target
        return target

    def content(self) -> bytes:
        return self.bytes([self.source], [self.last])


def passed(content: bytes) -> Program:
    program = lower(parse(content, "chain"), LOWER)
    for rewrite in PASSES:
        program = rewrite(program)
    return program


def shapes(nodes: Sequence[Node]) -> list[tuple[int, ...]]:
    return [node.weights.shape for node in nodes if isinstance(node, Conv2D | DepthwiseConv2D | FullyConnected)]


def chain(*layers: Sequence[int], channels: int = 2, padding: int = schema.Padding.SAME, kernels: str = "") -> bytes:
    """Convolutions with these biases, of sizes 1 or 3, or d for a depthwise one of 3 x 3."""
    build = Chain(np.random.default_rng(3), channels, padding)
    for biases, kernel in zip(layers, kernels, strict=True):
        if kernel == "d":
            build.depthwise(3, biases)
        else:
            build.conv(int(kernel), biases)
    return build.content()


def flattened() -> bytes:
    build = Chain(np.random.default_rng(0), 2)
    build.conv(3, [ALIVE, HIGH, ALIVE, LOW])
    to = build.tensor("to", (2,), "int32", data=np.array([1, 144]))
    build.then("RESHAPE", [build.last, to], (1, 144), options("ReshapeOptions", newShape=[1, 144]))
    build.dense(5)
    return build.content()


def residual() -> bytes:
    build = Chain(np.random.default_rng(3), 4)
    first = build.conv(3, [ALIVE, LOW, LOW, ALIVE])
    second = build.conv(3, [ALIVE, LOW, ALIVE, LOW])
    build.then("ADD", [first, second], build.shape, options("AddOptions", fusedActivationFunction=RELU))
    build.conv(1, [ALIVE] * 2)
    return build.content()


def by_channel(op: str) -> bytes:
    build = Chain(np.random.default_rng(0), 2)
    build.conv(3, [ALIVE, HIGH, ALIVE, LOW, ALIVE])
    if op == "RELU":
        build.then("RELU", [build.last], build.shape)
        build.graph.tensors[build.last].quantization.scale = [0.07]  # another scale, so that it is a table
    elif op == "MEAN":
        axes = build.tensor("axes", (2,), "int32", data=np.array([1, 2]))
        build.then("MEAN", [build.last, axes], (1, 1, 1, 5), options("ReducerOptions", keepDims=True))
    else:
        fields = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2}
        build.then(op, [build.last], (1, 3, 3, 5), options("Pool2DOptions", padding=schema.Padding.VALID, **fields))
    build.conv(1, [ALIVE] * 3)
    return build.content()


def grouped() -> bytes:
    build = Chain(np.random.default_rng(0), 4)
    build.conv(3, [LOW, ALIVE, HIGH, LOW])
    build.conv(3, [LOW, ALIVE, HIGH, ALIVE], groups=2)
    return build.content()


NARROWED = [(3, 3, 3, 2), (3, 1, 1, 3)]
# What is left of the weights, layer by layer.
CASES = {
    "a dead channel takes along what was computed for it alone": (
        chain([ALIVE, LOW, ALIVE, LOW, ALIVE], [ALIVE] * 4 + [LOW], [ALIVE] * 4, kernels="3d1"),
        [(2, 3, 3, 2), (3, 3, 2), (4, 1, 1, 2)],
    ),
    "a channel at its upper end is folded": (
        chain([ALIVE, HIGH, HIGH, ALIVE], [ALIVE] * 3, kernels="11"),
        [(2, 1, 1, 2), (3, 1, 1, 2)],
    ),
    "but not into a sum that padding makes smaller": (
        chain([ALIVE, HIGH, HIGH, ALIVE], [ALIVE] * 3, kernels="13"),
        [(4, 1, 1, 2), (3, 3, 3, 4)],
    ),
    "without padding it is": (
        chain([ALIVE, HIGH, HIGH, ALIVE], [OFFSET] * 3, kernels="13", padding=schema.Padding.VALID),
        [(2, 1, 1, 2), (3, 3, 3, 2)],
    ),
    "a flattened image loses a column for each pixel": (flattened(), [(2, 3, 3, 2), (5, 72)]),
    "both sides of a residual connection keep what either needs": (
        residual(),
        [(3, 3, 3, 4), (3, 3, 3, 3), (2, 1, 1, 3)],
    ),
    **{f"{op} is narrowed": (by_channel(op), NARROWED) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RELU", "MEAN")},
    "a depth multiplier keeps whole groups": (
        chain([LOW, ALIVE, ALIVE], [ALIVE, ALIVE, LOW, ALIVE, LOW, LOW], [ALIVE] * 3, kernels="1d1"),
        [(1, 1, 1, 2), (3, 3, 2), (3, 1, 1, 2)],
    ),
    "outputs, and what grouped convolutions read, keep their channels": (grouped(), [(4, 3, 3, 4), (4, 3, 3, 2)]),
    "one of a layer of dead channels stays": (
        chain([LOW, LOW, LOW], [ALIVE, ALIVE], kernels="31"),
        [(1, 3, 3, 2), (2, 1, 1, 1)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_left(case: str) -> None:
    content, left = CASES[case]
    assert shapes(passed(content).nodes) == left


def test_no_byte_changes(tmp_path: Path) -> None:
    contents = [content for content, _ in CASES.values()]
    assert differing(contents, tmp_path, np.random.default_rng(1), runs=6) == {}


def random_network(rng: np.random.Generator) -> bytes:
    """Layers of every kind above, of whose channels about half are constant."""
    build = Chain(rng, int(rng.integers(1, 6)), least_weight=-127)

    def biases(count: int) -> list[int]:
        return rng.choice([ALIVE, ALIVE, ALIVE, LOW, LOW, HIGH], count).tolist()

    for _ in range(int(rng.integers(3, 7))):
        depth = build.shape[3]
        match rng.integers(5):
            case 0:
                build.conv(1, biases(int(rng.integers(2, 12))))
            case 1:
                build.conv(3, biases(int(rng.integers(2, 12))))
            case 2:
                build.depthwise(3, biases(depth * int(rng.integers(1, 3)) if depth < 12 else depth))
            case 3:
                before = build.last
                build.conv(3, biases(depth))
                build.then("ADD", [before, build.last], build.shape, options("AddOptions"))
            case 4 if depth % 2 == 0:
                build.conv(3, biases(depth), groups=2)
    build.dense(3)
    return build.content()


def test_random_networks_with_many_constant_channels(tmp_path: Path) -> None:
    contents = [random_network(np.random.default_rng(seed)) for seed in range(10)]
    assert differing(contents, tmp_path, np.random.default_rng(2), runs=4) == {}
    full = sum(node.macs for content in contents for node in lower(parse(content, "full"), LOWER).nodes)
    assert sum(node.macs for content in contents for node in passed(content).nodes) < 0.7 * full


def test_where_a_code_could_wrap_nothing_is_known_of_it() -> None:
    """A left shift takes both ends of 1 << 27 .. 1 << 28 past 32 bits, to the same code; what lies between has
    others."""
    values = Requantisation((1 << 30,), (5,), 0, -128, 127)
    ends = (1 << 27, 1 << 28)
    assert requantise(values, ends[0]) == requantise(values, ends[1]) != requantise(values, 3 << 26)
    assert requantised(values, *ends, 0) == (-128, 127)
    assert requantised(values, -3, 3, 0) == (requantise(values, -3), requantise(values, 3))
