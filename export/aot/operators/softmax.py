"""SOFTMAX over the last axis, with the exponential of every code difference tabulated.

The table is computed with the fixed-point exponential which TensorFlow Lite Micro's reference kernel evaluates at run
time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from export.aot.codes import code_type
from export.aot.fixed_point import multiply, quantize_multiplier
from export.aot.layer import Layer
from export.aot.operators.softmax_16 import softmax_16
from export.aot.program import Node
from export.aot.transcendental import exponential
from export.graph import Graph, GraphError, Operator

INTEGER_BITS = 5  # kScaledDiffIntegerBits: differences are rescaled to Q5.26


@dataclass(frozen=True)
class Softmax(Node):
    rows: int
    depth: int
    table: tuple[int, ...]

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def emit(self, layer: Layer) -> None:
        layer.kernel("softmax.h")
        exponential = layer.array("exponential", "int32_t", self.table)
        parameters = layer.parameters(
            "nn_softmax",
            {"exponential": exponential, "rows": self.rows, "depth": self.depth, "entries": len(self.table)},
        )
        layer.call("nn_softmax", parameters, *layer.inputs, layer.output)


def lower_softmax(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    dtype = code_type(source, output)
    if source.shape != output.shape or not source.elements or not source.shape:
        raise GraphError(f"shape {source.shape} cannot become {output.shape}.", "Make the file again.")
    if dtype == "int16":
        return softmax_16(operator, source, output)
    if (output.scale, output.zero_point) != (1 / 256, -128):
        raise GraphError(f"output scale {output.scale} and zero point {output.zero_point}, expected 1/256 and -128.",
                         "Quantise SOFTMAX as the TFLite quantisation specification says.")  # fmt: skip
    depth = source.shape[-1]
    table = _table(float(operator.options["Beta"]), source.scale)
    return Softmax(operator.op, output.name, (source.index,), output.index, source.elements // depth, depth, table)


def _table(beta: float, scale: float) -> tuple[int, ...]:
    """exp(-d * beta * scale) in Q0.31 for d = 0, 1, ... as far as the reference does not skip d (at most 255)."""
    factor = beta * scale * (1 << (31 - INTEGER_BITS))
    if factor <= 1:
        raise GraphError(f"input scale {scale:g} times beta {beta:g} is too small.", "Check the range of the logits.")
    # From 2^30 on only the largest code counts.
    multiplier, shift = quantize_multiplier(factor) if factor < 1 << 30 else (0, 31)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << shift))
    return tuple(exponential(multiply(-d, multiplier, shift), INTEGER_BITS) for d in range(min(256, radius + 1)))
