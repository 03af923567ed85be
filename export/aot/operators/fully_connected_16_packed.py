"""FULLY_CONNECTED in 16x8 with two outputs packed into each halfword of weights, for cores with the DSP extension."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.operators.fully_connected_16 import FullyConnected16
from export.aot.program import Node
from export.aot.short_requantisation_16 import ShortRequantisation16, accumulators_16, packed_stream_16, shorten_16

QUAD: Final = 4  # outputs that the inner product computes together, and inputs that it takes at once


@dataclass(frozen=True)
class FullyConnected16Packed(Node):
    """`weights` int8 [output, input], both rounded up to multiples of 4 with zeros; `bias` int64, rounded up alike."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    batches: int
    input_count: int
    output_count: int
    requantisation: ShortRequantisation16

    @property
    def macs(self) -> int:
        return self.batches * self.input_count * self.output_count

    @property
    def scratch_bytes(self) -> int:
        """A row, where rows do not consist of whole quads."""
        return 2 * self.weights.shape[1] if self.input_count % QUAD else 0

    def emit(self, layer: Layer) -> None:
        layer.kernel("fully_connected_16_packed.h")
        words = packed_stream_16(self.weights, self.bias, self.requantisation.words, pairs=2)
        parameters = layer.parameters(
            "nn_fully_connected_16_packed",
            {
                "stream": layer.array("stream", "uint32_t", words),
                "matmul": f"nn_matmul_16_1x4_{self.requantisation.form}",
                "batches": self.batches,
                "inputs": self.input_count,
                "outputs": self.output_count,
            },
        )
        scratch = f"(int16_t *)({layer.scratch})"
        layer.call("nn_fully_connected_16_packed", parameters, *layer.inputs, layer.output, scratch)


def pack(dense: FullyConnected16) -> FullyConnected16Packed | None:
    """The packed form, or None where it does not apply or would not be exact."""
    short = shorten_16(dense.requantisation, accumulators_16(dense.weights, dense.bias))
    # 256 * wa + wb must fit 16 bits.
    if short is None or dense.weights_zero_point or dense.weights.min(initial=0) < -127:
        return None
    outputs, inputs = dense.weights.shape
    return FullyConnected16Packed(
        dense.op,
        dense.name,
        dense.inputs,
        dense.output,
        np.pad(dense.weights, ((0, -outputs % QUAD), (0, -inputs % QUAD))),
        np.pad(dense.bias, (0, -outputs % QUAD)),
        dense.batches,
        inputs,
        outputs,
        short,
    )
