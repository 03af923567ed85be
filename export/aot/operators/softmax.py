"""SOFTMAX over the last axis, with the exponential of every code difference tabulated.

The table is computed with the fixed-point exponential of gemmlowp (fixedpoint.h, exp_on_negative_values), which
TensorFlow Lite Micro's reference kernel evaluates at run time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from export.aot.fixed_point import multiply, quantize_multiplier
from export.aot.geometry import expect_int8
from export.aot.layer import Layer
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator

INTEGER_BITS = 5  # kScaledDiffIntegerBits: differences are rescaled to Q5.26
ONE = (1 << 31) - 1  # Q0.31, saturated


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
    source, output = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    expect_int8(source, output)
    if (output.scale, output.zero_point) != (1 / 256, -128) or not source.shape:
        raise GraphError(f"output scale {output.scale} and zero point {output.zero_point}, expected 1/256 and -128.",
                         "Quantise SOFTMAX as the TFLite quantisation specification says.")  # fmt: skip
    depth = source.shape[-1]
    table = _table(float(operator.options["Beta"]), source.scale)
    return Softmax(operator.op, output.name, (source.index,), output.index, source.elements // depth, depth, table)


def _table(beta: float, scale: float) -> tuple[int, ...]:
    """exp(-d * beta * scale) in Q0.31 for d = 0, 1, ... as far as the reference does not skip d (at most 255)."""
    multiplier, shift = quantize_multiplier(min(beta * scale * (1 << (31 - INTEGER_BITS)), (1 << 31) - 1.0))
    if shift < 0:
        raise GraphError(f"input scale {scale} times beta {beta} is too small.", "Check the range of the logits.")
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << shift))
    return tuple(_exponential(multiply(-d, multiplier, shift)) for d in range(min(256, radius + 1)))


def _product(a: int, b: int) -> int:
    return (a * b + (1 << 30)) >> 31


def _halves(value: int, shift: int) -> int:
    """Divide by 2^shift, rounded half away from zero."""
    mask = (1 << shift) - 1
    return (value >> shift) + ((value & mask) > (mask >> 1) + (value < 0))


def _exponential(value: int) -> int:
    """exp of a Q5.26 number <= 0, as Q0.31."""
    if value == 0:
        return ONE
    quarter = 1 << (31 - INTEGER_BITS - 2)
    fraction = (value & (quarter - 1)) - quarter  # in [-1/4, 0)
    # Taylor series around -1/8, to the fourth power.
    x = (fraction << INTEGER_BITS) + (1 << 28)
    x2 = _product(x, x)
    x3, x4 = _product(x2, x), _product(x2, x2)
    series = _halves(_product(_halves(x4, 2) + x3, 715827883) + x2, 1)  # 715827883: 1/3
    result = 1895147668 + _product(1895147668, x + series)  # 1895147668: exp(-1/8)
    # exp(-2^e) in Q0.31 for e = -2 .. 4: one factor for each bit of the rest.
    rest = fraction - value
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        if rest & (1 << (31 - INTEGER_BITS + exponent)):
            result = _product(result, factor)
    return result
