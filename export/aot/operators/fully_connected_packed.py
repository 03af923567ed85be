"""FULLY_CONNECTED with two outputs packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.conv_2d_packed import ACCUMULATOR_LIMIT
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.fully_connected_rows import OCTET, FullyConnectedRows, row_fields
from export.aot.packing import halfwords
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten
from export.aot.weights import folded_bias


@dataclass(frozen=True)
class FullyConnectedPacked(FullyConnectedRows):
    requantisation: ShortRequantisation

    @property
    def scratch_bytes(self) -> int:
        """A row, where the last of several could be read past the end of the arena."""
        return self.weights.shape[1] if self.batches > 1 and self.input_count % 4 else 0

    def emit(self, layer: Layer) -> None:
        suffix = "relu" if self.requantisation.relu else "linear"
        self.call(layer, "fully_connected_packed", f"nn_matmul_1x8_{suffix}", self._stream())

    def _stream(self) -> NDArray[np.uint32]:
        """The words of firmware/lib/nn/matmul_1x8.h, a row an octet."""
        octets = len(self.weights) // OCTET
        pairs = halfwords(self.weights)  # [pair of outputs, pair of inputs]
        weights = pairs.reshape(octets, OCTET // 2, -1).transpose(0, 2, 1).reshape(octets, -1)
        bias = np.stack([256 * self.bias[0::2] + self.bias[1::2], self.bias[1::2]], axis=1).reshape(octets, OCTET)
        epilogue = np.zeros((len(self.weights), 3), np.int64)
        epilogue[: len(self.requantisation.words)] = self.requantisation.words
        whole = np.concatenate([bias & 0xFFFFFFFF, weights, epilogue.reshape(octets, 3 * OCTET)], axis=1)
        return np.asarray(whole, np.uint32)


def pack(dense: FullyConnected) -> FullyConnectedPacked | None:
    """The packed form, or None where it does not apply or would not be exact."""
    bias = folded_bias(dense.weights, dense.bias, dense.input_zero_point)
    low, high = accumulators(dense.weights, bias)
    short = shorten(dense.requantisation, low, high, scale_bits=8, limit=ACCUMULATOR_LIMIT)
    if short is None or dense.weights_zero_point or dense.weights.min(initial=0) < -127:
        return None
    return FullyConnectedPacked(**row_fields(dense, bias, short.constant, unit=4), requantisation=short)
