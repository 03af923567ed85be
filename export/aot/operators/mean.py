"""MEAN over axes that lie side by side, such as height and width (global average pooling)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from export.aot.codes import bits, code_type
from export.aot.fixed_point import NONE, Requantisation, activation_range, quantize_multiplier
from export.aot.interval import Interval, codes
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.weights import constant, requantisation_field
from export.graph import Graph, GraphError, Operator


@dataclass(frozen=True)
class Mean(Node):
    """Input [outer, count, inner] to output [outer, inner]."""

    dtype: str
    outer: int
    count: int
    inner: int
    input_zero_point: int
    requantisation: Requantisation

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        factors = inputs[0].factors(self.input_zero_point, padded=False)
        if len(factors.low) != self.inner:
            return None
        return codes(self.requantisation, Interval(self.count * factors.low, self.count * factors.high))

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
        layer.call(f"nn_mean_{bits(self.dtype)}", parameters, *layer.inputs, layer.output)


def lower_mean(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    dtype = code_type(source, output)
    rank = len(source.shape)
    named = constant(graph, operator, 1, "int32").ravel()
    # What lies between the first and the last axis of the mean is part of it; axes of size 1 are on either side.
    axes = sorted({int(axis) % rank for axis in named if rank and source.shape[int(axis) % rank] > 1})
    first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
    inside = [axis for axis in range(first, last) if axis not in axes and source.shape[axis] > 1]
    if any(not -rank <= axis < rank for axis in named) or inside:
        raise GraphError(f"axes {named.tolist()} of shape {source.shape}, expected neighbouring axes.",
                         "Take the mean over height and width together.")  # fmt: skip
    count = math.prod(source.shape[first:last])
    if source.elements != count * output.elements or not 0 < count < 1 << 16:
        raise GraphError(f"mean over {count} elements of shape {source.shape} to {output.shape}, expected at most 65535.",
                         "Make the file again, or take the mean in steps.")  # fmt: skip
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    # The reference folds 1/count into the multiplier, keeping as many bits as the shift allows (QuantizedMeanOrSum).
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    low, high = activation_range(NONE, output)
    rescale = Requantisation(((multiplier << extra) // count,), (shift - extra,), output.zero_point, low, high)
    return Mean(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        dtype,
        math.prod(source.shape[:first]),
        count,
        math.prod(source.shape[last:]),
        source.zero_point,
        rescale,
    )
