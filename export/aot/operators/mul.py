"""MUL, with broadcasting. One operand may be constant."""

from dataclasses import dataclass

from export.aot.fixed_point import Requantisation, activation_range, quantize_multiplier, requantise
from export.aot.layer import Layer
from export.aot.operators.binary import Binary, binary, operands, tabulated
from export.aot.program import Node
from export.aot.weights import requantisation_field
from export.graph import Graph, Operator


@dataclass(frozen=True)
class Mul(Binary):
    zero_points: tuple[int, int]
    requantisation: Requantisation

    def code(self, first: int, second: int) -> int:
        return requantise(self.requantisation, (first - self.zero_points[0]) * (second - self.zero_points[1]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("mul.h")
        parameters = layer.parameters(
            "nn_mul",
            {
                "output": requantisation_field(layer, self.requantisation),
                "shape": self.broadcast.initialiser(),
                "zero_point": f"{{{self.zero_points[0]}, {self.zero_points[1]}}}",
            },
        )
        layer.call(self.kernel("mul"), parameters, *self.operands(layer), layer.output)


def lower_mul(graph: Graph, operator: Operator) -> Node:
    a, b, output = operands(graph, operator)
    multiplier, shift = quantize_multiplier(a.scale * b.scale / output.scale)
    low, high = activation_range(operator.options["FusedActivationFunction"], output)
    return tabulated(
        Mul(
            **binary(operator, a, b, output),
            zero_points=(a.zero_point, b.zero_point),
            requantisation=Requantisation((multiplier,), (shift,), output.zero_point, low, high),
        )
    )
