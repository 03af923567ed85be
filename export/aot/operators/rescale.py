"""QUANTIZE between int8 and int16, and the same arithmetic with other bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

from export.aot.codes import TYPES, bits, expect
from export.aot.fixed_point import NONE, Requantisation, activation_range, quantize_multiplier, requantise
from export.aot.layer import Layer
from export.aot.operators.lookup import lookup
from export.aot.program import Node
from export.aot.weights import requantisation_field
from export.graph import Graph, GraphError, Operator, Tensor


@dataclass(frozen=True)
class Rescale(Node):
    """`types` are those of input and output."""

    types: tuple[str, str]
    elements: int
    input_zero_point: int
    requantisation: Requantisation

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0) if bits(self.types[0]) >= bits(self.types[1]) else {}

    def emit(self, layer: Layer) -> None:
        layer.kernel("rescale.h")
        parameters = layer.parameters(
            "nn_rescale",
            {
                "output": requantisation_field(layer, self.requantisation),
                "elements": self.elements,
                "input_zero_point": self.input_zero_point,
            },
        )
        name = "_".join(str(bits(dtype)) for dtype in self.types)
        layer.call(f"nn_rescale_{name}", parameters, *layer.inputs, layer.output)


def lower_quantize(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    expect(TYPES, source, output)
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    low, high = activation_range(NONE, output)
    return rescale(operator, source, output, Requantisation((multiplier,), (shift,), output.zero_point, low, high))


def rescale(operator: Operator, source: Tensor, output: Tensor, requantisation: Requantisation) -> Node:
    """(code - input zero point), requantised: a table of int8 codes, else a `Rescale`."""
    if source.elements != output.elements:
        raise GraphError(f"shape {source.shape} cannot become {output.shape}.", "Make the file again.")
    if source.dtype == output.dtype == "int8":

        def code(value: int) -> int:
            return requantise(requantisation, value - source.zero_point)

        return lookup(operator.op, output.name, (source.index,), output.index, output.elements, code)
    return Rescale(
        operator.op,
        output.name,
        (source.index,),
        output.index,
        (source.dtype, output.dtype),
        output.elements,
        source.zero_point,
        requantisation,
    )
