"""FULLY_CONNECTED with two outputs packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.conv_2d_packed import ACCUMULATOR_LIMIT
from export.aot.operators.fully_connected import FullyConnected
from export.aot.packing import halfwords
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, accumulators, shorten, silence

OCTET = 8  # outputs that the kernel computes together


@dataclass(frozen=True)
class FullyConnectedPacked(Node):
    """`weights` int8 [output, input] rounded up to multiples of 8 and 4; `bias` has the zero point folded in."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    batches: int
    input_count: int
    output_count: int
    requantisation: ShortRequantisation

    @property
    def macs(self) -> int:
        return self.batches * self.input_count * self.output_count

    @property
    def scratch_bytes(self) -> int:
        """A row, where the last of several could be read past the end of the arena."""
        return self.weights.shape[1] if self.batches > 1 and self.input_count % 4 else 0

    def emit(self, layer: Layer) -> None:
        layer.kernel("fully_connected_packed.h")
        words = self._stream()
        parameters = layer.parameters(
            "nn_fully_connected_packed",
            {
                "stream": layer.array("stream", "uint32_t", words),
                "matmul": f"nn_matmul_1x8_{'relu' if self.requantisation.relu else 'linear'}",
                "batches": self.batches,
                "inputs": self.input_count,
                "outputs": self.output_count,
                "words": words.shape[1],
            },
        )
        scratch = f"(int8_t *)({layer.scratch})"
        layer.call("nn_fully_connected_packed", parameters, *layer.inputs, layer.output, scratch)

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
    outputs, inputs = dense.weights.shape
    wide = dense.weights.astype(np.int64)
    bias = dense.bias.astype(np.int64) - dense.input_zero_point * wide.sum(axis=1)
    low, high = accumulators(dense.weights, bias)
    short = shorten(dense.requantisation, low, high, scale_bits=8, limit=ACCUMULATOR_LIMIT)
    if short is None or dense.weights_zero_point or dense.weights.min(initial=0) < -127:
        return None
    return FullyConnectedPacked(
        dense.op,
        dense.name,
        dense.inputs,
        dense.output,
        np.pad(silence(dense.weights, short.constant), ((0, -outputs % OCTET), (0, -inputs % 4))),
        np.pad(silence(bias, short.constant), (0, -outputs % OCTET)),
        dense.batches,
        inputs,
        outputs,
        short,
    )
