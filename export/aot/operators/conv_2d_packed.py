"""CONV_2D with two channels packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.conv_2d import Conv2D
from export.aot.operators.conv_2d_panel import QUAD, Conv2DPanel, panel_fields
from export.aot.packing import halfwords
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten
from export.aot.weights import folded_bias

PAIR: Final = 2  # where one or two channels are left
LONG_PATCH: Final = 16  # codes; where one channel is left of shorter ones, a quad is as cheap
ACCUMULATOR_LIMIT: Final = 1 << 23  # two accumulators share 32 bits: 256 * A + B


@dataclass(frozen=True)
class Conv2DPacked(Conv2DPanel):
    requantisation: ShortRequantisation

    @property
    def panel_bytes(self) -> int:
        return 4  # int16 of two pixels

    def emit(self, layer: Layer) -> None:
        suffix = "relu" if self.requantisation.relu else "linear"
        whole, constants = len(self.weights) // QUAD * QUAD, self.requantisation.words
        words = stream(self.weights[:whole], self.bias[:whole], constants[:whole]).ravel()
        last = stream(self.weights[whole:], self.bias[whole:], constants[whole:], PAIR).ravel()
        self.call(
            layer,
            "conv_2d_packed",
            f"nn_matmul_2x4_{suffix}" if whole else "NULL",
            np.concatenate([words, last]),
            (f"nn_matmul_2x2_{suffix}", len(words)) if last.size else ("NULL", 0),
        )


def pack(conv: Conv2D) -> Conv2DPacked | None:
    """The packed form, or None where it does not apply or would not be exact."""
    if conv.weights.shape[3] != conv.input_channels:
        return None
    bias = folded_bias(conv.weights, conv.bias, conv.input_zero_point)
    low, high = accumulators(conv.weights, bias)
    short = shorten(conv.requantisation, low, high, scale_bits=8, limit=ACCUMULATOR_LIMIT)
    if short is None or not fits(conv.weights):
        return None
    left, patch = len(conv.weights) % QUAD, conv.weights[0].size
    together = PAIR if left == PAIR or (left == 1 and patch >= LONG_PATCH) else QUAD
    return Conv2DPacked(**panel_fields(conv, bias, short.constant, together), requantisation=short)


def fits(weights: NDArray[np.int8]) -> bool:
    """Whether 256 * wa + wb fits 16 bits, and the bytes of a panel 16 bits."""
    return bool(weights.min(initial=0) >= -127 and weights[0].size < 1 << 13)


def stream(
    weights: NDArray[np.int8], bias: NDArray[np.int64], constants: NDArray[np.uint32], together: int = QUAD
) -> NDArray[np.uint32]:
    """The words of firmware/lib/nn/matmul_2x4.h for each quad of channels, or of matmul_2x2.h for each pair: biases,
    weights, epilogue."""
    channels, patch = len(weights), weights[:1].size
    groups = channels // together
    if groups == 0:
        return np.zeros((0, 0), np.uint32)
    words = halfwords(weights.reshape(channels, patch))  # [pair of channels, pair of inputs]
    packed = words.reshape(groups, together // 2, patch // 2).transpose(0, 2, 1).reshape(groups, -1)
    start = np.stack([256 * bias[0::2] + bias[1::2], bias[1::2]], axis=1).reshape(groups, together)
    epilogue = np.zeros((channels, 3), np.int64)
    epilogue[: len(constants)] = constants
    whole = np.concatenate([start & 0xFFFFFFFF, packed, epilogue.reshape(groups, 3 * together)], axis=1)
    return np.asarray(whole, np.uint32)
