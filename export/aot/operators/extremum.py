"""MINIMUM and MAXIMUM, with broadcasting. One operand may be constant."""

from dataclasses import dataclass

from export.aot.layer import Layer
from export.aot.operators.binary import Binary, binary, operands, tabulated
from export.aot.program import Node
from export.graph import Graph, Operator


@dataclass(frozen=True)
class Extremum(Binary):
    """Compares codes as they are, as TensorFlow Lite Micro does; converters give all three tensors one scale."""

    def code(self, first: int, second: int) -> int:
        return min(first, second) if self.op == "MINIMUM" else max(first, second)

    def emit(self, layer: Layer) -> None:
        layer.kernel("extremum.h")
        shape = layer.parameters("nn_broadcast", self.broadcast.fields())
        layer.call(self.kernel(self.op.lower()), shape, *self.operands(layer), layer.output)


def lower_extremum(graph: Graph, operator: Operator) -> Node:
    return tabulated(Extremum(**binary(operator, *operands(graph, operator))))
