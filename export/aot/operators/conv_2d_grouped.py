"""CONV_2D in groups, through the inner products of the ordinary one: packed ones for cores with the DSP extension, in
int8 and 16x8, and blocked ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.operators import conv_2d_packed
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.output_form import blocked_stream, choose
from export.aot.program import Node
from export.aot.short_requantisation import accumulators, shorten, silence
from export.aot.short_requantisation_16 import accumulators_16, packed_stream_16, shorten_16
from export.aot.weights import folded_bias

WORD: Final = 4
QUAD: Final = 4  # output channels that the inner products of int8 compute together
PAIR: Final = 2  # those of 16x8


@dataclass(frozen=True)
class Conv2DGrouped(Node):
    """`stream` holds a row for each group, `panel` the words of the panel. `depth` and `outputs` are the channels of a
    group, in bytes."""

    stream: NDArray[np.uint32]
    kernel: str
    matmul: str
    panel: int
    window: Window
    groups: int
    depth: int
    outputs: int
    input_zero_point: int
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def scratch_bytes(self) -> int:
        """The panel, two patches with a word more, the outputs of two pixels."""
        taps = self.window.kernel[0] * self.window.kernel[1]
        patch = taps * self.groups * self.depth + WORD
        return WORD * self.panel + 2 * _up(patch, WORD) + 2 * _up(self.outputs, WORD)

    @property
    def overlaps(self) -> Mapping[int, int]:
        pixels = (self.groups * self.depth, self.groups * self.outputs)
        return {self.inputs[0]: self.window.overlap(*pixels, group=2, whole=False)}

    def emit(self, layer: Layer) -> None:
        layer.kernel(f"{self.kernel}.h")
        parameters = layer.parameters(
            "nn_conv_2d_grouped",
            {
                "stream": layer.array("stream", "uint32_t", self.stream),
                "matmul": self.matmul,
                "words": self.stream.shape[1],
                "panel": self.panel,
                "groups": self.groups,
                "depth": self.depth,
                "outputs": self.outputs,
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.groups * self.depth,
                "output_channels": self.groups * self.outputs,
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call(f"nn_{self.kernel}", parameters, *layer.inputs, layer.output, f"(uint32_t *)({layer.scratch})")


def pack(conv: Conv2D) -> Conv2DGrouped | None:
    """The form of int8 for the DSP extension, or None where it does not apply or would not be exact."""
    if _groups(conv) == 1 or not conv_2d_packed.fits(conv.weights):
        return None
    bias = folded_bias(conv.weights, conv.bias, conv.input_zero_point)
    low, high = accumulators(conv.weights, bias)
    short = shorten(conv.requantisation, low, high, scale_bits=8, limit=conv_2d_packed.ACCUMULATOR_LIMIT)
    if short is None:
        return None
    weights, biases = _divided(conv, silence(conv.weights, short.constant), silence(bias, short.constant), QUAD, WORD)
    streams = [conv_2d_packed.stream(*of) for of in zip(weights, biases, _each(conv, short.words), strict=True)]
    matmul = f"nn_matmul_2x4_{'relu' if short.relu else 'linear'}"
    return _grouped(conv, streams, "conv_2d_grouped_packed", matmul, weights[0, 0].size)


def pack_16(conv: Conv2D16) -> Conv2DGrouped | None:
    """The form of 16x8 for the DSP extension, or None where it does not apply or would not be exact."""
    short = shorten_16(conv.requantisation, accumulators_16(conv.weights, conv.bias))
    if _groups(conv) == 1 or short is None or not conv_2d_packed.fits(conv.weights):
        return None
    weights, biases = _divided(conv, conv.weights, conv.bias, PAIR, 2)
    flat = weights.reshape(*weights.shape[:2], -1)
    flat = np.pad(flat, ((0, 0), (0, 0), (0, -flat.shape[2] % 4)))  # inputs that the inner product takes at once
    constants = _each(conv, short.words)
    streams = [packed_stream_16(*of, pairs=1) for of in zip(flat, biases, constants, strict=True)]
    return _grouped(conv, streams, "conv_2d_grouped_16_packed", f"nn_matmul_16_2x2_{short.form}", flat.shape[2])


def block(conv: Conv2D) -> Conv2DGrouped | None:
    """The form for other cores, or None where it does not apply or accumulators could leave 32 bits."""
    if _groups(conv) == 1:
        return None
    bias = folded_bias(conv.weights, conv.bias, conv.input_zero_point)
    form = choose(conv.requantisation, *accumulators(conv.weights, bias))
    if form is None:
        return None
    weights, biases = _divided(conv, silence(conv.weights, form.constant), silence(bias, form.constant), QUAD, WORD)
    matrices = weights.reshape(*weights.shape[:2], -1)
    streams = [blocked_stream(*of, QUAD) for of in zip(matrices, biases, _each(conv, form.words), strict=True)]
    return _grouped(conv, streams, "conv_2d_grouped_blocked", f"nn_blocked_2x4_{form.name}", matrices.shape[2] // 2)


def _up(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _groups(conv: Conv2D | Conv2D16) -> int:
    return conv.input_channels // conv.weights.shape[3]


def _each(conv: Conv2D | Conv2D16, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The constants of each group's channels."""
    return words.reshape(_groups(conv), -1, 3)


def _divided(
    conv: Conv2D | Conv2D16, weights: NDArray[np.int8], bias: NDArray[np.int64], together: int, unit: int
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Weights [group, channel, kernel pixel, input] and biases [group, channel], rounded up with zeros: channels to
    what is computed together, inputs to a multiple of `unit`."""
    channels, height, width, depth = weights.shape
    groups = _groups(conv)
    each = channels // groups
    divided = weights.reshape(groups, each, height * width, depth)
    return (
        np.pad(divided, ((0, 0), (0, -each % together), (0, 0), (0, -depth % unit))),
        np.pad(bias.reshape(groups, each), ((0, 0), (0, -each % together))),
    )


def _grouped(
    conv: Conv2D | Conv2D16, streams: Sequence[NDArray[np.uint32]], kernel: str, matmul: str, panel: int
) -> Conv2DGrouped:
    groups, code = _groups(conv), 1 if isinstance(conv, Conv2D) else 2
    return Conv2DGrouped(
        conv.op,
        conv.name,
        conv.inputs,
        conv.output,
        np.stack([stream.ravel() for stream in streams]),
        kernel,
        matmul,
        panel,
        conv.window,
        groups,
        code * conv.weights.shape[3],
        code * (len(conv.weights) // groups),
        conv.input_zero_point if isinstance(conv, Conv2D) else 0,
        conv.macs,
    )
