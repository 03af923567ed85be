"""ADD and SUB, with broadcasting. Of both, one operand may be constant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from export.aot.fixed_point import Requantisation, activation_range, multiply, quantize_multiplier, requantise
from export.aot.interval import Interval, ends
from export.aot.layer import Layer
from export.aot.operators.binary import Binary, binary, operands, tabulated
from export.aot.program import Node
from export.aot.weights import requantisation_field
from export.graph import Graph, GraphError, Operator, Tensor

HEADROOM = 20  # NN_ADD_HEADROOM_8 of firmware/lib/nn/add.h
HEADROOM_16 = 15  # NN_ADD_HEADROOM_16
HALF = (1 << 30, 0)  # multiplier and shift of 1/2: the operand with the larger scale, scale / (2 * scale)


@dataclass(frozen=True)
class Sum(Binary):
    """Per operand: zero point, multiplier and shift to the common scale. `op` tells a sum from a difference."""

    zero_points: tuple[int, int]
    multipliers: tuple[int, int]
    shifts: tuple[int, int]
    requantisation: Requantisation

    def code(self, first: int, second: int) -> int:
        scaled = [
            multiply((code - zero_point) << HEADROOM, multiplier, shift)
            for code, zero_point, multiplier, shift in zip(
                (first, second), self.zero_points, self.multipliers, self.shifts, strict=True
            )
        ]
        return requantise(self.requantisation, scaled[0] + (scaled[1] if self.op == "ADD" else -scaled[1]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("add.h")
        pairs = {"multiplier": self.multipliers, "shift": self.shifts, "zero_point": self.zero_points}
        parameters = layer.parameters(
            "nn_add",
            {
                "output": requantisation_field(layer, self.requantisation),
                "shape": self.broadcast.initialiser(),
                **{name: f"{{{a}, {b}}}" for name, (a, b) in pairs.items()},
            },
        )
        layer.call(self.kernel(self.op.lower()), parameters, *self.operands(layer), layer.output)


@dataclass(frozen=True)
class Add(Sum):
    """ADD of two int8 activations of one shape: a residual connection."""

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        return ends(self.code, *inputs)


def lower_add(graph: Graph, operator: Operator) -> Node:
    a, b, output = operands(graph, operator)
    fields = _fields(operator, a, b, output)
    same = a.shape == b.shape == output.shape and a.data is None and b.data is None
    if operator.op == "ADD" and output.dtype == "int8" and same:
        return Add(**fields) if a.index != b.index else tabulated(Sum(**fields))
    return tabulated(Sum(**fields))


def _fields(operator: Operator, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Any]:
    twice = 2 * max(a.scale, b.scale)
    headroom = HEADROOM if output.dtype == "int8" else HEADROOM_16
    factors = [a.scale / twice, b.scale / twice, twice / ((1 << headroom) * output.scale)]
    if not factors[2] < 1:
        raise GraphError(
            f"output scale {output.scale:g} is too small for operands of scale {a.scale:g} and {b.scale:g}.",
            "Calibrate the output's range: TensorFlow Lite Micro stops at this model, too.",
        )
    (multiplier_a, shift_a), (multiplier_b, shift_b), (multiplier, shift) = map(quantize_multiplier, factors)
    low, high = activation_range(operator.options["FusedActivationFunction"], output)
    return {
        **binary(operator, a, b, output),
        "zero_points": (a.zero_point, b.zero_point),
        "multipliers": (multiplier_a, multiplier_b),
        "shifts": (shift_a, shift_b),
        "requantisation": Requantisation((multiplier,), (shift,), output.zero_point, low, high),
    }
