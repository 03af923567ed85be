"""ADD through a table of one operand, for cores with the DSP extension."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import multiply
from export.aot.layer import Layer
from export.aot.operators.add import HALF, HEADROOM, Add
from export.aot.program import Node
from export.aot.short_requantisation import ShortRequantisation, shorten


@dataclass(frozen=True)
class AddTable(Node):
    """`inputs` are first the operand that is shifted, then the one that is looked up."""

    elements: int
    table: tuple[int, ...]
    requantisation: ShortRequantisation

    @property
    def overlaps(self) -> Mapping[int, int]:
        return dict.fromkeys(self.inputs, 0)

    def emit(self, layer: Layer) -> None:
        layer.kernel("add_table.h")
        multiplier, constant, shift = self.requantisation.words[0].astype(np.int32).tolist()
        parameters = layer.parameters(
            "nn_add_table",
            {
                "table": layer.array("table", "int32_t", self.table),
                "elements": self.elements,
                "output": f"{{{multiplier}, {constant}, {shift}}}",
            },
        )
        suffix = "relu" if self.requantisation.relu else "linear"
        layer.call(f"nn_add_table_{suffix}", parameters, *layer.inputs, layer.output)


def tabulate(add: Add) -> AddTable | None:
    """The form with a table, or None where its bounds do not hold."""
    scaled = list(zip(add.multipliers, add.shifts, strict=True))
    shifted = scaled.index(HALF)  # one scale is the larger, and its multiplier is scale / (2 * scale)
    other = 1 - shifted
    codes = np.arange(-128, 128)
    sums = np.array([_operand(add, other, int(code)) for code in codes])
    largest: NDArray[np.int64] = np.array([np.abs(sums).max() + (255 << (HEADROOM - 1))])
    short = shorten(add.requantisation, -largest, largest, scale_bits=2, limit=1 << 29)
    if short is None:
        return None
    factor = 4 if short.relu else 2
    table = factor * (sums - (add.zero_points[shifted] << (HEADROOM - 1)))
    return AddTable(
        add.op,
        add.name,
        (add.inputs[shifted], add.inputs[other]),
        add.output,
        add.elements,
        tuple(np.roll(table, 128).tolist()),  # by unsigned byte: 0 .. 127, then -128 .. -1
        short,
    )


def _operand(add: Add, which: int, code: int) -> int:
    return multiply((code - add.zero_points[which]) << HEADROOM, add.multipliers[which], add.shifts[which])
