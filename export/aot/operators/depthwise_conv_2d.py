"""DEPTHWISE_CONV_2D with any depth multiplier, stride and dilation. The node is the one of int8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.codes import code_type
from export.aot.fixed_point import Requantisation, channel_requantisation
from export.aot.geometry import Window, window
from export.aot.interval import Interval, accumulators, codes
from export.aot.layer import Layer
from export.aot.operators.depthwise_conv_2d_16 import DepthwiseConv2D16
from export.aot.program import Node
from export.aot.weights import bias, constant, per_channel, requantisation_field, symmetric
from export.aot.wide_requantisation import wide_bias, wide_requantisation
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class DepthwiseConv2D(Node):
    """`weights` int8 [kernel y, kernel x, output channel], `bias` int32 [output channel]."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    window: Window
    depth_multiplier: int
    input_zero_point: int
    requantisation: Requantisation

    @property
    def macs(self) -> int:
        return self.window.output[0] * self.window.output[1] * self.weights.size

    @property
    def overlaps(self) -> Mapping[int, int]:
        channels = self.weights.shape[2]
        depth = channels // self.depth_multiplier
        return {self.inputs[0]: self.window.overlap(depth, channels, group=1, whole=False)}

    def sums(self, source: Interval) -> Interval:
        """Of the accumulators, by output channel."""
        factors = source.factors(self.input_zero_point, self.window.padded)
        own = Interval(*(np.repeat(end, self.depth_multiplier) for end in (factors.low, factors.high)))
        return accumulators(self.weights, own, self.bias.astype(np.int64), axis=2)

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return codes(self.requantisation, self.sums(inputs[0]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("depthwise_conv_2d.h")
        parameters = layer.parameters(
            "nn_depthwise_conv_2d",
            {
                "weights": layer.array("weights", "int8_t", self.weights),
                "bias": layer.array("bias", "int32_t", self.bias),
                "output": requantisation_field(layer, self.requantisation),
                **self.window.fields(),
                "dilation_y": self.window.dilation[0],
                "dilation_x": self.window.dilation[1],
                "input_channels": self.weights.shape[2] // self.depth_multiplier,
                "depth_multiplier": self.depth_multiplier,
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call("nn_depthwise_conv_2d", parameters, *layer.inputs, layer.output)


def lower_depthwise_conv_2d(graph: Graph, operator: Operator) -> Node:
    source, filters, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    dtype = code_type(source, output)
    weights = constant(graph, operator, 1, "int8")
    symmetric(filters)
    if weights.ndim != 4 or weights.shape[0] != 1:
        raise GraphError(f"weights of shape {weights.shape}, expected (1, y, x, channels).", "Make the file again.")
    _, height, width, channels = weights.shape
    view = window(source, output, (height, width), operator.options)
    # The option is redundant and some writers leave it 0: the shapes decide, as in TensorFlow Lite Micro.
    multiplier = channels // source.shape[3] if source.shape[3] else 0
    if multiplier == 0 or multiplier * source.shape[3] != channels or channels != output.shape[3]:
        raise GraphError(
            f"{source.shape[3]} input and {output.shape[3]} output channels do not fit weights {weights.shape}.",
            "Make the file again with the converter that wrote it.",
        )
    per_channel(filters, axis=3)
    rescale = channel_requantisation(source, filters, output, operator.options["FusedActivationFunction"])
    if dtype == "int16":
        # The reference kernel knows no other accumulator, and would read an int32 bias as int64.
        sums, _ = wide_bias(graph, operator, channels, ("int64",))
        wide = wide_requantisation(rescale, sums, weights[0].transpose(2, 0, 1), narrow=False)
        return DepthwiseConv2D16(
            operator.op, output.name, (source.index,), output.index, weights[0], sums, view, multiplier, wide
        )
    return DepthwiseConv2D(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        weights[0],
        bias(graph, operator, channels),
        view,
        multiplier,
        source.zero_point,
        rescale,
    )
