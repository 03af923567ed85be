"""CONV_2D of 3x3 and stride 1 in Winograd's form F(2x2, 3x3), exact in integers, for cores with the DSP extension.

Four ninths of the multiplications, for weights of 16 halfwords instead of 9 bytes. See firmware/lib/nn/winograd.h.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.geometry import Window
from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_panel import QUAD
from export.aot.output_form import SCALE_BITS, SHORT_LIMIT
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten, silence
from export.aot.weights import folded_bias

# 2G with its rows in the kernel's order 1, 2, 0, 3; the last one is negated.
TRANSFORM: Final = np.array([[1, 1, 1], [1, -1, 1], [2, 0, 0], [0, 0, 2]])

# Modelled cycles (export/bench/cycles.py), read off the kernels: for a pair of inputs and a quad of output channels,
# once for a quad, for an input, once.
PACKED: Final = (16, 100, 6, 150)  # two output pixels
WINOGRAD: Final = (16 * 17, 800, 210, 250)  # two tiles, a pair of inputs being one of channels
EXPANSION: Final = 4 * 110  # of the weights of a pair of inputs and a quad of output channels


@dataclass(frozen=True)
class Conv2DWinograd(Node):
    """`weights` int8 [output channel, 3, 3, input channel], both channels rounded up to multiples of 4 with zeros;
    `bias`, rounded up alike, has the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    window: Window
    input_channels: int
    output_channels: int
    multiplications: int
    input_zero_point: int
    requantisation: ShortRequantisation

    @property
    def macs(self) -> int:
        """Of the plain convolution, so that all kernels are measured alike."""
        return self.multiplications

    @property
    def scratch_bytes(self) -> int:
        """Two transformed tiles; the transformed lines of their patch, or the outputs of eight pixels."""
        channels, _, _, depth = self.weights.shape
        return 64 * depth + max(48 * depth, 8 * channels)

    @property
    def overlaps(self) -> Mapping[int, int]:
        return {self.inputs[0]: overlap(self.window, self.input_channels, self.output_channels)}

    def emit(self, layer: Layer) -> None:
        layer.kernel("conv_2d_winograd.h")
        words = stream(self.weights, self.bias, self.requantisation)
        layer.call("nn_conv_2d_winograd", self.parameters(layer, words), *layer.inputs, layer.output, scratch(layer))

    def parameters(self, layer: Layer, words: NDArray[np.uint32]) -> str:
        """The parameter block with a stream of `words`."""
        (height, width), (output_height, output_width) = self.window.input, self.window.output
        return layer.parameters(
            "nn_conv_2d_winograd",
            {
                "stream": layer.array("stream", "uint32_t", words),
                "products": f"nn_winograd_{'relu' if self.requantisation.relu else 'linear'}",
                "input_height": height,
                "input_width": width,
                "input_channels": self.input_channels,
                "output_height": output_height,
                "output_width": output_width,
                "output_channels": self.output_channels,
                "pad_top": self.window.pad[0],
                "pad_left": self.window.pad[1],
                "input_zero_point": self.input_zero_point,
            },
        )


def scratch(layer: Layer) -> str:
    return f"(uint32_t *)({layer.scratch})"


def transform(conv: Conv2D) -> Conv2DWinograd | None:
    """Winograd's form, or None where it does not apply or would not be exact."""
    channels, height, width, depth = conv.weights.shape
    view = conv.window
    if (height, width, depth) != (3, 3, conv.input_channels) or view.stride != (1, 1) or view.dilation != (1, 1):
        return None
    bias = folded_bias(conv.weights, conv.bias, conv.input_zero_point)
    short = shorten(conv.requantisation, *accumulators(conv.weights, bias), SCALE_BITS, SHORT_LIMIT)
    if short is None:
        return None
    return Conv2DWinograd(
        conv.op,
        conv.name,
        conv.inputs,
        conv.output,
        weights=np.pad(silence(conv.weights, short.constant), ((0, -channels % QUAD), (0, 0), (0, 0), (0, -depth % 4))),
        bias=np.pad(silence(bias, short.constant), (0, -channels % QUAD)),
        window=view,
        input_channels=depth,
        output_channels=channels,
        multiplications=conv.macs,
        input_zero_point=conv.input_zero_point,
        requantisation=short,
    )


def tile_pairs(window: Window) -> int:
    return -(-window.output[0] // 2) * -(-window.output[1] // 4)


def saved_cycles(winograd: Conv2DWinograd, expansions: int = 0) -> int:
    """Modelled cycles of an inference that Winograd's form saves over the packed one; negative for images of few
    pixels.

    `expansions`: how often all weights are transformed.
    """
    height, width = winograd.window.output
    quads = len(winograd.weights) // QUAD

    def cycles(costs: tuple[int, int, int, int], pairs: int) -> int:
        step, quad, pair, once = costs
        return quads * (pairs * step + quad) + pairs * pair + once

    pixels, row, pairs = (
        -(-height * width // 2),
        -(-3 * winograd.input_channels // 4) * 4,
        winograd.weights.shape[3] // 2,
    )
    winograd_cycles = tile_pairs(winograd.window) * cycles(WINOGRAD, pairs) + expansions * quads * pairs * EXPANSION
    return pixels * cycles(PACKED, 3 * row // 2) - winograd_cycles


def added_bytes(winograd: Conv2DWinograd) -> int:
    """Bytes of weights beyond those of the packed form."""
    channels, _, _, depth = winograd.weights.shape
    return channels * (16 * 2 * depth - 9 * winograd.input_channels)


def stream(weights: NDArray[np.int8], bias: NDArray[np.int64], short: ShortRequantisation) -> NDArray[np.uint32]:
    """The words of firmware/lib/nn/winograd.h, a row for each quad of channels."""
    channels = len(weights)
    quads = channels // QUAD
    wide = np.einsum("ra,oabi,cb->ocri", TRANSFORM, weights.astype(np.int64), TRANSFORM)  # [output, column, row, input]
    ordered = wide.reshape(channels, 4, -1, 2, 2)  # of four inputs (0, 2) and (1, 3) are pairs, as SXTB16 leaves them
    words = (ordered[..., 0, :] & 0xFFFF | (ordered[..., 1, :] & 0xFFFF) << 16).reshape(quads, QUAD, 4, -1)
    start = np.zeros((quads, 4, QUAD), np.int64)
    start[:, 0] = (4 * bias & 0xFFFFFFFF).reshape(quads, QUAD)
    sums = np.concatenate([start, words.transpose(0, 2, 3, 1).reshape(quads, 4, -1)], axis=2)
    return np.asarray(np.concatenate([sums.reshape(quads, -1), epilogue(short, quads)], axis=1), np.uint32)


def epilogue(short: ShortRequantisation, quads: int) -> NDArray[np.uint32]:
    """The constants of the requantisation, a row for each quad of channels."""
    words = np.zeros((quads * QUAD, 3), np.uint32)
    words[: len(short.words)] = short.words
    return words.reshape(quads, -1)


def overlap(window: Window, input_channels: int, output_channels: int, batch: int = 1) -> int:
    """How many bytes the output must start before the input (`Node.overlaps`).

    The patches of a batch of pairs of tiles are read before any of their outputs is written; `Window.overlap` is for
    kernels that go by pixels.
    """
    (height, width), (input_height, input_width) = window.output, window.input
    rows, columns = (corners.ravel() for corners in np.mgrid[0:height:2, 0:width:4])
    top, left = np.clip(rows - window.pad[0], 0, input_height), np.clip(columns - window.pad[1], 0, input_width)
    # The lowest byte that these tiles or any later ones still read.
    lowest = np.minimum.accumulate(((top * input_width + left) * input_channels)[::-1])[::-1]
    # The end of what these tiles or any earlier ones wrote.
    last = np.minimum(rows + 1, height - 1) * width + np.minimum(columns + 3, width - 1)
    written = np.maximum.accumulate((last + 1) * output_channels)
    needed = lowest[batch::batch]
    return int(
        (written[batch - 1 :: batch][: len(needed)] - needed).max(initial=-input_height * input_width * input_channels)
    )
