"""CONV_2D in 16x8 with two channels packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from export.aot.layer import Layer
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.operators.conv_2d_panel import Conv2DPanel, panel_fields
from export.aot.short_requantisation_16 import ShortRequantisation16, accumulators_16, packed_stream_16, shorten_16

PAIR: Final = 2  # output channels that the inner product computes together
LARGEST_ROW: Final = 1 << 14  # codes of a kernel row, whose bytes must fit an int16


@dataclass(frozen=True)
class Conv2D16Packed(Conv2DPanel):
    requantisation: ShortRequantisation16

    @property
    def code_bytes(self) -> int:
        return 2

    @property
    def panel_bytes(self) -> int:
        return 4  # int16 of two pixels

    def emit(self, layer: Layer) -> None:
        matrix = self.weights.reshape(len(self.weights), -1)
        words = packed_stream_16(matrix, self.bias, self.requantisation.words, pairs=1)
        self.call(layer, "conv_2d_16_packed", f"nn_matmul_16_2x2_{self.requantisation.form}", words)


def pack(conv: Conv2D16) -> Conv2D16Packed | None:
    """The packed form, or None where it does not apply or would not be exact."""
    channels, _, width, depth = conv.weights.shape
    short = shorten_16(conv.requantisation, accumulators_16(conv.weights, conv.bias))
    # 256 * wa + wb must fit 16 bits.
    if short is None or depth != conv.input_channels or conv.weights.min(initial=0) < -127:
        return None
    if max(width * depth, channels) >= LARGEST_ROW:
        return None
    nothing = np.zeros(channels, np.bool_)
    return Conv2D16Packed(**panel_fields(conv, conv.bias, nothing, PAIR), requantisation=short)
