"""ADD of two tensors of one shape (a residual connection)."""

from collections.abc import Mapping
from dataclasses import dataclass

from export.aot.fixed_point import Requantisation, activation_range, quantize_multiplier
from export.aot.geometry import expect_int8
from export.aot.layer import Layer
from export.aot.program import Node
from export.aot.weights import requantisation_field
from export.graph import Graph, GraphError, Operator

HEADROOM = 20  # NN_ADD_HEADROOM of firmware/lib/nn/add.h


@dataclass(frozen=True)
class Add(Node):
    """Per input: zero point, multiplier and shift to the common scale."""

    elements: int
    zero_points: tuple[int, int]
    multipliers: tuple[int, int]
    shifts: tuple[int, int]
    requantisation: Requantisation

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def emit(self, layer: Layer) -> None:
        layer.kernel("add.h")
        pairs = {"multiplier": self.multipliers, "shift": self.shifts, "zero_point": self.zero_points}
        parameters = layer.parameters(
            "nn_add",
            {
                "output": requantisation_field(layer, self.requantisation),
                "elements": self.elements,
                **{name: f"{{{a}, {b}}}" for name, (a, b) in pairs.items()},
            },
        )
        layer.call("nn_add", parameters, *layer.inputs, layer.output)


def lower_add(graph: Graph, operator: Operator) -> Node:
    a, b = (graph.tensors[index] for index in operator.inputs)
    output = graph.tensors[operator.outputs[0]]
    expect_int8(a, b, output)
    if a.data is not None or b.data is not None or not a.shape == b.shape == output.shape:
        raise GraphError(f"shapes {a.shape} and {b.shape} to {output.shape}, expected three equal activations.",
                         "Avoid broadcasting and constants in ADD.")  # fmt: skip
    twice = 2 * max(a.scale, b.scale)
    (multiplier_a, shift_a), (multiplier_b, shift_b) = (quantize_multiplier(t.scale / twice) for t in (a, b))
    multiplier, shift = quantize_multiplier(twice / ((1 << HEADROOM) * output.scale))
    low, high = activation_range(operator.options["FusedActivationFunction"], output)
    return Add(
        operator.op,
        output.name,
        (a.index, b.index),
        output.index,
        output.elements,
        (a.zero_point, b.zero_point),
        (multiplier_a, multiplier_b),
        (shift_a, shift_b),
        Requantisation((multiplier,), (shift,), output.zero_point, low, high),
    )
