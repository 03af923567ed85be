"""MEAN over axes that lie side by side, such as height and width (global average pooling)."""

import math
from dataclasses import dataclass

from export.aot.fixed_point import Requantisation, quantize_multiplier
from export.aot.geometry import expect_int8
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.weights import constant, requantisation_field
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Mean(Node):
    """Input [outer, count, inner] to output [outer, inner]."""

    outer: int
    count: int
    inner: int
    input_zero_point: int
    requantisation: Requantisation

    def emit(self, layer: Layer) -> None:
        layer.kernel("mean.h")
        parameters = layer.parameters(
            "nn_mean",
            {
                "output": requantisation_field(layer, self.requantisation),
                "outer": self.outer,
                "count": self.count,
                "inner": self.inner,
                "input_zero_point": self.input_zero_point,
            },
        )
        layer.call("nn_mean", parameters, *layer.inputs, layer.output)


def lower_mean(graph: Graph, operator: Operator) -> Node:
    source, output = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    expect_int8(source, output)
    rank = len(source.shape)
    axes = sorted({int(axis) % rank for axis in constant(graph, operator, 1, "int32").ravel()} if rank else set())
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        raise GraphError(f"axes {axes} of shape {source.shape}, expected neighbouring axes.",
                         "Take the mean over height and width together.")  # fmt: skip
    count = math.prod(source.shape[axes[0] : axes[-1] + 1])
    if count == 0:
        raise GraphError(f"mean over no elements of shape {source.shape}.", "Remove the operator.")
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    # The reference folds 1/count into the multiplier, keeping as many bits as the shift allows (QuantizedMeanOrSum).
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    rescale = Requantisation(
        ((multiplier << extra) // count,), (shift - extra,), output.zero_point, -128, 127
    )  # fmt: skip
    return Mean(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        math.prod(source.shape[: axes[0]]),
        count,
        math.prod(source.shape[axes[-1] + 1 :]),
        source.zero_point,
        rescale,
    )
