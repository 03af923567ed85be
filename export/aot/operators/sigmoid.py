"""LOGISTIC and TANH: in int8 a table of all codes, in int16 a table of the sigmoid with interpolation."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from export.aot import transcendental
from export.aot.codes import code_type
from export.aot.fixed_point import divide_by_power, multiply
from export.aot.layer import Layer
from export.aot.operators.lookup import lookup
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator, Tensor

INTEGER_BITS = 4  # kInputIntegerBits of the int8 kernels: codes are rescaled to Q4.27
STEPS = 256  # entries of the int16 kernels' table, 24 a unit


@dataclass(frozen=True)
class Sigmoid16(Node):
    elements: int
    multiplier: int
    shift: int

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def emit(self, layer: Layer) -> None:
        layer.kernel("sigmoid_16.h")
        parameters = layer.parameters(
            "nn_sigmoid_16",
            {
                "table": layer.table(self.op.lower(), "uint32_t", sigmoid_words(self.op)),
                "elements": self.elements,
                "multiplier": self.multiplier,
                "shift": self.shift,
            },
        )
        layer.call(f"nn_{self.op.lower()}_16", parameters, *layer.inputs, layer.output)


def lower_sigmoid(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    if source.elements != output.elements:
        raise GraphError(f"shape {source.shape} cannot become {output.shape}.", "Make the file again.")
    if code_type(source, output) == "int16":
        return _lower_16(operator, source, output)
    if operator.op == "LOGISTIC" and output.zero_point != -128:
        raise GraphError(f"output zero point {output.zero_point}, expected -128.",
                         "Quantise LOGISTIC as the TFLite quantisation specification says.")  # fmt: skip
    fraction, shift = math.frexp(source.scale * (1 << (31 - INTEGER_BITS)))
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if shift < 0:
        raise GraphError(f"input scale {source.scale:g} is too small.", "Check the range of the input.")
    # Codes further from the zero point have left Q4.27, and the function is 0 or 1.
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << shift))

    def code(value: int) -> int:
        difference = value - source.zero_point
        if difference <= -radius:
            return -128
        if difference >= radius:
            return 127
        scaled = multiply(difference, multiplier, shift)
        if operator.op == "LOGISTIC":
            result = divide_by_power(transcendental.logistic(scaled, INTEGER_BITS), 31 - 8) - 128
        else:
            result = divide_by_power(transcendental.tanh(scaled, INTEGER_BITS), 31 - 7)
        return min(max(result, -128), 127)

    return lookup(operator.op, output.name, (source.index,), output.index, output.elements, code)


def _lower_16(operator: Operator, source: Tensor, output: Tensor) -> Node:
    """The constants of LogisticPrepare and TanhPrepare (logistic_common.cc, tanh.cc)."""
    exponent = _power_of_two(output.scale)
    if exponent != -15:
        raise GraphError(f"output scale {output.scale:g}, expected 2^-15.",
                         "Quantise the output as the TFLite quantisation specification says.")  # fmt: skip
    exponent = _power_of_two(source.scale)
    exact = (-12,) if operator.op == "LOGISTIC" else (-12, -11)
    if exponent is not None and exponent in exact:
        multiplier, shift = 3 << (exponent + 12), 0
    else:
        factor, shift = source.scale * 4096 * 3, 0
        while factor <= 32767 / 2 and shift <= 30:
            factor, shift = 2 * factor, shift + 1
        multiplier = int(factor)
    if not 0 < multiplier <= 32767:
        raise GraphError(f"input scale {source.scale:g} is too {'large' if multiplier else 'small'}.",
                         "Check the range of the input.")  # fmt: skip
    return Sigmoid16(operator.op, output.name, (source.index,), output.index, output.elements, multiplier, shift)


def _power_of_two(scale: float) -> int | None:
    """The base-2 logarithm of a scale that is nearly a power of two (CheckedLog2), else None."""
    logarithm = float(np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2))))
    return round(logarithm) if abs(logarithm - round(logarithm)) < 1e-3 else None


def sigmoid_words(op: str) -> list[int]:
    """The table of firmware/lib/nn/sigmoid_16.h: entries and differences."""
    values = sigmoid_table()
    steps = [after - value for value, after in itertools.pairwise(values)]
    # From the last entry on the reference saturates: LOGISTIC at 32767 / 32768, which is 65534 here.
    values[-1] = 65535 if op == "TANH" else 65534
    return [value - (1 << 15) | step << 16 for value, step in zip(values, [*steps, 0], strict=True)]


def sigmoid_table() -> list[int]:
    """sigmoid(i / 24) * 2^16, each raised by half the error of linear interpolation in the middle of its step; the last
    one is the largest number. These are the values of sigmoid_table_uint16."""

    def sigmoid(step: float) -> float:
        return 65536 / (1 + math.exp(-step / 24))

    bends = [sigmoid(step + 0.5) - (sigmoid(step) + sigmoid(step + 1)) / 2 for step in range(STEPS)]
    values = [math.floor(sigmoid(step) + bend / 2 + 0.5) for step, bend in enumerate(bends)]
    return [*values[:-1], 65535]
