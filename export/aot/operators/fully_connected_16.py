"""FULLY_CONNECTED in 16x8: int16 activations, int8 weights, an int32 or int64 bias."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.wide_requantisation import WideRequantisation


@dataclass(frozen=True)
class FullyConnected16(Node):
    """`weights` int8 [output, input], `bias` int64 [output]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    batches: int
    weights_zero_point: int
    requantisation: WideRequantisation

    @property
    def macs(self) -> int:
        return self.batches * self.weights.size

    def emit(self, layer: Layer) -> None:
        layer.kernel("fully_connected_16.h")
        parameters = layer.parameters(
            "nn_fully_connected_16",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int64_t", self.bias),
                "output": self.requantisation.initialiser(layer),
                "batches": self.batches,
                "inputs": self.weights.shape[1],
                "outputs": self.weights.shape[0],
                "weights_zero_point": self.weights_zero_point,
            },
        )
        layer.call("nn_fully_connected_16", parameters, *layer.inputs, layer.output)
