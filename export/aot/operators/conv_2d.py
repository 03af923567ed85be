"""CONV_2D, grouped and dilated ones included; per-tensor and per-channel weights. The node is the one of int8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.codes import code_type
from export.aot.fixed_point import Requantisation, channel_requantisation
from export.aot.geometry import Window, window
from export.aot.interval import Interval, accumulators, codes
from export.aot.layer import Layer
from export.aot.operators.conv_2d_16 import Conv2D16
from export.aot.program import Node
from export.aot.weights import bias, constant, per_channel, requantisation_field, symmetric
from export.aot.wide_requantisation import wide_bias, wide_requantisation
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Conv2D(Node):
    """`weights` int8 [output channel, kernel y, kernel x, input channel of the group], `bias` int32 [output
    channel]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    window: Window
    input_channels: int
    input_zero_point: int
    requantisation: Requantisation

    @property
    def macs(self) -> int:
        return self.window.output[0] * self.window.output[1] * self.weights.size

    @property
    def overlaps(self) -> Mapping[int, int]:
        channels = self.weights.shape[0]
        return {self.inputs[0]: self.window.overlap(self.input_channels, channels, group=1, whole=False)}

    def sums(self, source: Interval) -> Interval:
        """Of the accumulators, by output channel."""
        groups = self.input_channels // self.weights.shape[3]
        factors = source.factors(self.input_zero_point, self.window.padded)
        own = Interval(
            *(
                np.repeat(end.reshape(groups, 1, 1, -1), len(self.weights) // groups, axis=0)
                for end in (factors.low, factors.high)
            )
        )
        return accumulators(self.weights, own, self.bias.astype(np.int64), axis=0)

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return codes(self.requantisation, self.sums(inputs[0]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("conv_2d.h")
        parameters = layer.parameters(
            "nn_conv_2d",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int32_t", self.bias),
                "output": requantisation_field(layer, self.requantisation),
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.input_channels,
                "group_channels": self.weights.shape[3],
                "output_channels": self.weights.shape[0],
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call("nn_conv_2d", parameters, *layer.inputs, layer.output)


def lower_conv_2d(graph: Graph, operator: Operator) -> Node:
    source, filters, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    dtype = code_type(source, output)
    weights = constant(graph, operator, 1, "int8")
    symmetric(filters)
    if weights.ndim != 4:
        raise GraphError(f"weights of shape {weights.shape}, expected four axes.", "Make the file again.")
    channels, height, width, depth = weights.shape
    view = window(source, output, (height, width), operator.options)
    groups = source.shape[3] // depth if depth else 0
    if groups == 0 or groups * depth != source.shape[3] or channels % groups or channels != output.shape[3]:
        raise GraphError(
            f"{source.shape[3]} input and {output.shape[3]} output channels do not fit weights {weights.shape}.",
            "Make the file again with the converter that wrote it.",
        )
    per_channel(filters, axis=0)
    rescale = channel_requantisation(source, filters, output, operator.options["FusedActivationFunction"])
    if dtype == "int16":
        sums, narrow = wide_bias(graph, operator, channels, ("int32", "int64"))
        wide = wide_requantisation(rescale, sums, weights, narrow)
        return Conv2D16(
            operator.op, output.name, (source.index,), output.index, weights, sums, view, source.shape[3], wide
        )
    return Conv2D(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        weights,
        bias(graph, operator, channels),
        view,
        source.shape[3],
        source.zero_point,
        rescale,
    )
