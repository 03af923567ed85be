"""FULLY_CONNECTED with two outputs packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.conv_2d_packed import ACCUMULATOR_LIMIT
from export.aot.operators.fully_connected import FullyConnected
from export.aot.operators.fully_connected_rows import OCTET, FullyConnectedRows, row_fields
from export.aot.packing import halfwords
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten
from export.aot.weights import folded_bias

PAIR: Final = 2  # outputs, where there are few beyond whole octets
MOST_IN_PAIRS: Final = 4  # more are cheaper as an octet
WIDE_INPUTS: Final = 256  # at most, so that a widened row takes little memory
WIDE_OCTETS: Final = 4  # at least, so that widening pays


@dataclass(frozen=True)
class FullyConnectedPacked(FullyConnectedRows):
    requantisation: ShortRequantisation

    @property
    def wide(self) -> bool:
        """Whether rows are widened once, not for every octet."""
        octets = self.output_count // OCTET
        return octets >= WIDE_OCTETS and self.input_count <= WIDE_INPUTS and self.input_count % 4 == 0

    @property
    def scratch_bytes(self) -> int:
        """A widened row; or a row, where the last of several could be read past the end of the arena."""
        if self.wide:
            return 2 * self.input_count
        return self.weights.shape[1] if self.batches > 1 and self.input_count % 4 else 0

    def emit(self, layer: Layer) -> None:
        suffix = "relu" if self.requantisation.relu else "linear"
        whole = len(self.weights) // OCTET * OCTET
        octets, pairs = self._stream(0, whole, OCTET), self._stream(whole, len(self.weights), PAIR)
        name, form, scratch = ("_wide", "wide_", "uint32_t") if self.wide else ("", "", "int8_t")
        self.call(
            layer,
            f"fully_connected_packed{name}",
            f"nn_matmul_1x8_{form}{suffix}" if whole else "NULL",
            np.concatenate([octets.ravel(), pairs.ravel()]),
            octets.shape[1] if whole else 0,
            f"nn_matmul_1x2_{suffix}" if len(pairs) else "NULL",
            scratch,
        )

    def _stream(self, first: int, last: int, together: int) -> NDArray[np.uint32]:
        """The words of firmware/lib/nn/matmul_1x8.h and matmul_1x2.h for a range of outputs, a row for each group."""
        if first == last:
            return np.zeros((0, 0), np.uint32)
        groups, bias = (last - first) // together, self.bias[first:last]
        pairs = halfwords(self.weights[first:last])  # [pair of outputs, pair of inputs]
        columns = self.weights.shape[1] * together // 4
        weights = pairs.reshape(groups, together // 2, -1).transpose(0, 2, 1).reshape(groups, columns)
        start = np.stack([256 * bias[0::2] + bias[1::2], bias[1::2]], axis=1).reshape(groups, together)
        epilogue = np.zeros((last - first, 3), np.int64)
        known = self.requantisation.words[first:last]
        epilogue[: len(known)] = known
        return np.asarray(
            np.concatenate([start & 0xFFFFFFFF, weights, epilogue.reshape(groups, 3 * together)], axis=1), np.uint32
        )


def pack(dense: FullyConnected) -> FullyConnectedPacked | None:
    """The packed form, or None where it does not apply or would not be exact."""
    bias = folded_bias(dense.weights, dense.bias, dense.input_zero_point)
    low, high = accumulators(dense.weights, bias)
    short = shorten(dense.requantisation, low, high, scale_bits=8, limit=ACCUMULATOR_LIMIT)
    if short is None or dense.weights_zero_point or dense.weights.min(initial=0) < -127:
        return None
    together = PAIR if len(dense.weights) % OCTET <= MOST_IN_PAIRS else OCTET
    return FullyConnectedPacked(**row_fields(dense, bias, short.constant, 4, together), requantisation=short)
