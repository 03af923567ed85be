"""DEPTHWISE_CONV_2D two neighbours of a row at a time, for cores with the DSP extension."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d import DepthwiseConv2D
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.operators.depthwise_plane import BAND_BYTES, MOST_WORDS, DepthwisePlane, Taps, plane_fields, upright
from export.aot.short_requantisation import accumulators, shorten
from export.aot.short_requantisation_16 import accumulators_16, shorten_16
from export.aot.weights import folded_bias

SCALE_BITS: Final = 2  # in int8 weights and bias are scaled by 4 with a ReLU, by 2 without


@dataclass(frozen=True)
class DepthwisePlanar(DepthwisePlane):
    """`words` are the constants of the requantisation [channel, 3], for accumulators scaled by `factor`."""

    factor: int
    words: NDArray[np.uint32]

    def emit(self, layer: Layer) -> None:
        self.call(layer, "depthwise_planar", self._stream())

    def _stream(self) -> NDArray[np.uint32]:
        _, columns, channels = self.weights.shape
        scaled = self.factor * self.weights.astype(np.int64)
        even = np.pad(scaled, ((0, 0), (0, columns % 2), (0, 0)))
        if self.shape["taps"] == 2 and self.shape["tap_step"] == 1:
            pairs = [even[:, [0, 1]], even[:, [1, 2]]]  # two outputs share the middle weight
        elif 1 < columns == self.shape["taps"]:  # dilated
            nothing = np.zeros_like(scaled[:, 0])
            pairs = [np.stack([scaled[:, column], nothing], axis=1) for column in range(columns)]
        else:
            pairs = [even[:, [column, column + 1]] for column in range(0, even.shape[1], 2)]
        words = np.stack([(pair[:, 0] & 0xFFFF) | (pair[:, 1] & 0xFFFF) << 16 for pair in pairs], axis=1)
        flat = words.reshape(-1, channels).T
        bias = self.factor * self.bias[:, None] & 0xFFFFFFFF
        return np.asarray(np.concatenate([flat, bias, self.words], axis=1), np.uint32)


def plane(node: DepthwiseConv2D) -> DepthwisePlanar | None:
    """The planar form of int8, or None where it does not apply or would not be exact."""
    bias = folded_bias(node.weights, node.bias, node.input_zero_point, axis=2)
    low, high = accumulators(node.weights, bias, axis=2)
    short = shorten(node.requantisation, low, high, SCALE_BITS, limit=1 << 29)
    swap = upright(node) or _longer_lines(node)
    taps = _taps(node, swap)
    if short is None or taps.words > MOST_WORDS:
        return None
    form, factor = ("relu", 1 << SCALE_BITS) if short.relu else ("linear", 2)
    return DepthwisePlanar(
        **plane_fields(node, bias, short.constant, taps, form, swap), factor=factor, words=short.words
    )


def plane_16(node: DepthwiseConv2D16) -> DepthwisePlanar | None:
    """The planar form of 16x8, or None where it does not apply or would not be exact."""
    channels = node.weights.shape[2]
    short = shorten_16(node.requantisation, accumulators_16(node.weights.transpose(2, 0, 1), node.bias))
    swap = upright(node)
    taps = _taps(node, swap)
    forms = {"once": "16", "once_relu": "16_relu"}
    if short is None or short.form not in forms or taps.words > MOST_WORDS:
        return None
    nothing = np.zeros(channels, np.bool_)
    return DepthwisePlanar(
        **plane_fields(node, node.bias, nothing, taps, forms[short.form], swap), factor=1, words=short.words
    )


def _longer_lines(node: DepthwiseConv2D) -> bool:
    """Whether lines along the first axis take fewer pairs of outputs, if the image is small enough for one band.

    An output that is left over costs nearly as much as a pair, and the start of a line a quarter.
    """
    window = node.window
    if node.weights.shape[:2] != (3, 3) or window.stride != (1, 1) or window.dilation != (1, 1):
        return False
    rows, columns = window.output
    plane_bytes = 2 * (rows + 4) * (columns + 2)
    return plane_bytes <= BAND_BYTES and columns * (rows + rows % 2 + 0.5) < rows * (columns + columns % 2 + 0.5)


def _taps(node: DepthwiseConv2D | DepthwiseConv2D16, swap: bool) -> Taps:
    """The pairs of a kernel row; see firmware/lib/nn/depthwise_planar.h."""
    second = 0 if swap else 1
    rows, columns = node.weights.shape[1 - second], node.weights.shape[second]
    stride, dilation = node.window.stride[second], node.window.dilation[second]
    if dilation > 1 and columns > 1:
        count, step = columns, dilation
    elif columns == 3 and stride == 1:
        # Two outputs at a time read four inputs.
        return Taps(count=2, step=1, reach=4, words=2 * rows)
    else:
        count, step = (columns + 1) // 2, 2
    # The last output of a row reads whole pairs.
    return Taps(count, step, (count - 1) * step + 2, count * rows)
