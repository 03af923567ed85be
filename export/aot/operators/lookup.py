"""Functions of one int8 code (RELU, RELU6, LOGISTIC, TANH, HARD_SWISH, QUANTIZE ...), tabulated for all 256 of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.aot.interval import Interval
from export.aot.layer import Layer
from export.aot.operators.reshape import Reshape
from export.aot.program import Node


@dataclass(frozen=True)
class Lookup(Node):
    """`table` holds the output of codes -128 .. 127."""

    elements: int
    table: tuple[int, ...]

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def bounds(self, inputs: Sequence[Interval]) -> Interval | None:
        pairs = zip(inputs[0].low.tolist(), inputs[0].high.tolist(), strict=True)
        codes = [self.table[low + 128 : high + 129] for low, high in pairs]
        return Interval(np.array([min(part) for part in codes]), np.array([max(part) for part in codes]))

    def emit(self, layer: Layer) -> None:
        layer.kernel("lookup.h")
        table = layer.table("table", "int8_t", self.table[128:] + self.table[:128])  # by unsigned byte
        layer.call("nn_lookup", table, str(self.elements), *layer.inputs, layer.output)


def lookup(op: str, name: str, inputs: tuple[int, ...], output: int, elements: int, code: Callable[[int], int]) -> Node:
    """The table of `code`, or no operation at all where every code stays as it is."""
    table = tuple(code(value) for value in range(-128, 128))
    if table == tuple(range(-128, 128)):
        return Reshape(op, name, inputs, output)
    return Lookup(op, name, inputs, output, elements, table)
