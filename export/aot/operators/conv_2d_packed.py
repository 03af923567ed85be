"""CONV_2D with two channels packed into each halfword of weights, for cores with the DSP extension."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.packing import halfwords
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, prove

ACCUMULATOR_LIMIT = 1 << 23  # two accumulators share 32 bits: 256 * A + B


@dataclass(frozen=True)
class Conv2DPacked(Node):
    """`weights` int8 [output channel, kernel row, bytes of a row], the first and the last rounded up to multiples of 4 with
    zeros; `bias` has the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    window: Window
    input_channels: int
    output_channels: int
    input_zero_point: int
    requantisation: ShortRequantisation
    multiplications: int

    @property
    def macs(self) -> int:
        return self.multiplications

    @property
    def scratch_bytes(self) -> int:
        """The panel of two patches in int16, one patch in bytes, the outputs of two pixels."""
        channels, rows, row = self.weights.shape
        patch = rows * row
        return 4 * patch + patch + 2 * channels

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: self.window.overlap(self.input_channels, self.output_channels, group=2, whole=True)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("conv_2d_packed.h")
        suffix = "relu" if self.requantisation.relu else "linear"
        parameters = layer.parameters(
            "nn_conv_2d_packed",
            {
                "stream": layer.array("stream", "uint32_t", stream(self.weights, self.bias, self.requantisation)),
                "matmul": f"nn_matmul_2x4_{suffix}",
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.input_channels,
                "output_channels": self.output_channels,
                "row": self.weights.shape[2],
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call("nn_conv_2d_packed", parameters, *layer.inputs, layer.output, f"(uint32_t *)({layer.scratch})")


def pack(conv: Conv2D) -> Conv2DPacked | None:
    """The packed form, or None where it does not apply or would not be exact."""
    channels, height, width, depth = conv.weights.shape
    if depth != conv.input_channels:
        return None
    weights = conv.weights.reshape(channels, height, width * depth)
    wide = weights.astype(np.int64)
    bias = conv.bias.astype(np.int64) - conv.input_zero_point * wide.sum(axis=(1, 2))
    largest = np.abs(bias) + 128 * np.abs(wide).sum(axis=(1, 2))
    short = prove(conv.requantisation, largest, scale_bits=8, limit=ACCUMULATOR_LIMIT)
    # 256 * wa + wb must fit 16 bits.
    if short is None or weights.min(initial=0) < -127 or weights[0].size >= 1 << 13:
        return None
    return Conv2DPacked(
        conv.op,
        conv.name,
        conv.inputs,
        conv.output,
        np.pad(weights, ((0, -channels % 4), (0, 0), (0, -weights.shape[2] % 4))),
        np.pad(bias, (0, -channels % 4)),
        conv.window,
        conv.input_channels,
        channels,
        conv.input_zero_point,
        short,
        conv.macs,
    )


def stream(weights: NDArray[np.int8], bias: NDArray[np.int64], short: ShortRequantisation) -> NDArray[np.uint32]:
    """The words of firmware/lib/nn/matmul_2x4.h: for each quad of channels biases, weights, epilogue."""
    channels, patch = len(weights), weights[0].size
    words = halfwords(weights.reshape(channels, patch))  # [pair of channels, pair of inputs]
    quads = words.reshape(channels // 4, 2, patch // 2).transpose(0, 2, 1).reshape(channels // 4, patch)
    start = np.stack([256 * bias[0::2] + bias[1::2], bias[1::2]], axis=1).reshape(channels // 4, 4)
    epilogue = np.zeros((channels, 3), np.int64)
    epilogue[: len(short.words)] = short.words
    whole = np.concatenate([start & 0xFFFFFFFF, quads, epilogue.reshape(channels // 4, 12)], axis=1)
    return np.asarray(whole, np.uint32)
