"""FULLY_CONNECTED, with weights quantised per tensor or per output. The node is the one of int8."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.codes import code_type
from export.aot.fixed_point import Requantisation, channel_requantisation
from export.aot.interval import Interval, accumulators, codes
from export.aot.layer import Layer
from export.aot.operators.fully_connected_16 import FullyConnected16
from export.aot.program import Node
from export.aot.weights import bias, constant, per_channel, requantisation_field
from export.aot.wide_requantisation import wide_bias, wide_requantisation
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class FullyConnected(Node):
    """`weights` int8 [output, input], `bias` int32 [output]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    batches: int
    input_zero_point: int
    weights_zero_point: int
    requantisation: Requantisation

    @property
    def macs(self) -> int:
        return self.batches * self.weights.size

    def sums(self, source: Interval) -> Interval:
        """Of the accumulators, by output channel."""
        factors = source.factors(self.input_zero_point, padded=False)
        own = factors.spread(self.weights.shape[1])
        weights = self.weights.astype(np.int16) - self.weights_zero_point
        return accumulators(weights, own, self.bias.astype(np.int64), axis=0)

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return codes(self.requantisation, self.sums(inputs[0]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("fully_connected.h")
        parameters = layer.parameters(
            "nn_fully_connected",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int32_t", self.bias),
                "output": requantisation_field(layer, self.requantisation),
                "batches": self.batches,
                "inputs": self.weights.shape[1],
                "outputs": self.weights.shape[0],
                "input_zero_point": self.input_zero_point,
                "weights_zero_point": self.weights_zero_point,
            },
        )
        layer.call("nn_fully_connected", parameters, *layer.inputs, layer.output)


def lower_fully_connected(graph: Graph, operator: Operator) -> Node:
    source, matrix, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    dtype = code_type(source, output)
    weights = constant(graph, operator, 1, "int8")
    if operator.options.get("WeightsFormat", 0) != 0 or weights.ndim != 2:
        raise GraphError("shuffled or non-matrix weights.", "Convert without weight shuffling.")
    outputs, inputs = weights.shape
    if inputs == 0 or source.elements % inputs or output.elements != source.elements // inputs * outputs:
        raise GraphError(f"input {source.shape} and output {output.shape} do not fit weights {weights.shape}.",
                         "Make the file again with the converter that wrote it.")  # fmt: skip
    several = per_channel(matrix, axis=0)
    # Per-channel kernels take weights as symmetric whatever the file says; per-tensor ones honour the zero point.
    zero_point = 0 if several else matrix.zero_point
    rescale = channel_requantisation(source, matrix, output, operator.options["FusedActivationFunction"])
    if dtype == "int16":
        sums, narrow = wide_bias(graph, operator, outputs, ("int32", "int64"))
        factors = weights.astype(np.int64) - zero_point
        wide = wide_requantisation(rescale, sums, factors, narrow)
        batches = source.elements // inputs
        return FullyConnected16(
            operator.op, output.name, (source.index,), output.index, weights, sums, batches, zero_point, wide
        )
    return FullyConnected(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        weights,
        bias(graph, operator, outputs),
        source.elements // inputs,
        source.zero_point,
        zero_point,
        rescale,
    )
