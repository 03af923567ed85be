"""ADD and SUB in int8 by multiples or tables of both operands, with functions of one code before and after the sum."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation, multiply
from export.aot.layer import Layer
from export.aot.operators.add import HEADROOM, Sum
from export.aot.operators.binary import Repeat
from export.aot.program import Node

INT32: Final = 1 << 31
MOST_BITS: Final = 24  # of the fraction: more do not help
# By how much the tables may be larger than they should: sums halfway between two codes then go to the one further from
# 0.
STRETCHES: Final = (0, 2**-22, 2**-20, 2**-18, 2**-15)
CODES: Final = np.arange(-128, 128)

Table = tuple[int, ...]  # of the codes -128 .. 127
Numbers = NDArray[np.int64]  # the same


@dataclass(frozen=True)
class Tables:
    """What the sum is of, and the shift behind it. In between, unless `multiplier` is 0, comes a requantisation; see
    firmware/lib/nn/sum_table.h."""

    operands: tuple[Table, Table]
    shift: int
    multiplier: int = 0
    constant: int = 0


@dataclass(frozen=True)
class SumTable(Node):
    """`after` is the function of the sum's code that gives the output's. `constants` holds, by position, the codes of
    an operand that is constant."""

    tables: Tables
    after: Table
    constants: tuple[NDArray[Any] | None, NDArray[Any] | None]
    walk: Repeat

    @property
    def overlaps(self) -> Mapping[int, int]:
        steps = [step for step, values in zip(self.walk.steps, self.constants, strict=True) if values is None]
        pairs = zip(self.inputs, steps, strict=True)
        return {tensor: 0 for tensor, step in pairs if self.walk.lines == 1 or step}

    def preceded(self, tensor: int, function: Sequence[int], source: int) -> "SumTable":
        """The same, reading `source`, of whose codes `tensor` was a function."""
        activations = [position for position, values in enumerate(self.constants) if values is None]
        operands = list(self.tables.operands)
        for position, operand in zip(activations, self.inputs, strict=True):
            if operand == tensor:
                operands[position] = tuple(operands[position][code + 128] for code in function)
        inputs = tuple(source if operand == tensor else operand for operand in self.inputs)
        return replace(self, inputs=inputs, tables=replace(self.tables, operands=(operands[0], operands[1])))

    def followed(self, function: Sequence[int], output: int, name: str) -> "SumTable":
        """The same, with a function of the output in its place."""
        after = tuple(function[code + 128] for code in self.after)
        return replace(self, after=after, output=output, name=name)

    def emit(self, layer: Layer) -> None:
        layer.kernel("sum_table.h")
        tables, kinds = self.tables, []
        values = [np.array(operand, np.int64) for operand in tables.operands]
        slopes = [_slope(operand) for operand in values]
        # What a multiple is at code 0 goes into the other operand's table, if that is one.
        start = sum(int(operand[128]) for operand, slope in zip(values, slopes, strict=True) if slope is not None)
        pointers = ["NULL", "NULL"]
        for which, name in enumerate(("first", "second")):
            if slopes[which] is not None:
                kinds.append(f"NN_{name.upper()}_MULTIPLE")
            else:  # by unsigned byte: 0 .. 127, then -128 .. -1
                pointers[which] = layer.table(name, "int32_t", np.roll(values[which] + start, 128))
                start = 0
        after = "NULL"
        if tables.multiplier:
            kinds.append("NN_SUM_REQUANTISED")
        if self.after != tuple(CODES.tolist()):
            kinds.append("NN_SUM_FOLLOWED")
            after = f"{layer.table('after', 'int8_t', self.after)} + 128"
        function = layer.function(
            "sum",
            "static void @(const struct nn_sum_table *l, const int8_t *a, const int8_t *b, int8_t *output) {\n"
            f"    nn_sum_table(l, a, b, output, {tables.shift}, {' | '.join(kinds) or '0'});\n}}\n",
        )
        parameters = layer.parameters(
            "nn_sum_table",
            {
                "shape": self.walk.initialiser(),
                "table": f"{{{', '.join(pointers)}}}",
                "slope": f"{{{', '.join(str(slope or 0) for slope in slopes)}}}",
                "start": start,
                "after": after,
                "multiplier": tables.multiplier,
                "constant": tables.constant,
            },
        )
        inputs = iter(layer.inputs)
        operands = [
            next(inputs) if values is None else layer.array(f"constant_{position}", "int8_t", values)
            for position, values in enumerate(self.constants)
        ]
        layer.call(function, parameters, *operands, layer.output)


def _slope(values: Numbers) -> int | None:
    """What codes are multiplied by, if that is all there is to a table beside a constant."""
    steps = np.diff(values)
    return int(steps[0]) if (steps == steps[0]).all() else None


def tabulate(node: Sum) -> SumTable | None:
    """The form with tables, or None where it does not apply or would not be exact."""
    walk = node.repeat
    if node.dtype != "int8" or walk is None:
        return None
    first, second = _scaled(node, 0), _scaled(node, 1) * (-1 if node.op == "SUB" else 1)
    tables = _as_fractions(node.requantisation, first, second) or _requantised(node.requantisation, first, second)
    if tables is None:
        return None
    clamp = np.clip(CODES, node.requantisation.minimum, node.requantisation.maximum)
    fields = (node.op, node.name, node.inputs, node.output)
    return SumTable(*fields, tables, tuple(clamp.tolist()), node.constants, walk)


def _scaled(node: Sum, which: int) -> Numbers:
    """An operand on the common scale."""
    differences = (CODES - node.zero_points[which]).tolist()
    multiplier, shift = node.multipliers[which], node.shifts[which]
    return np.array([multiply(difference << HEADROOM, multiplier, shift) for difference in differences], np.int64)


def _as_fractions(values: Requantisation, first: Numbers, second: Numbers) -> Tables | None:
    """The tables without a requantisation, if they give the reference's code for every pair; as few as possible."""
    multiplier, right = values.multipliers[0], -values.shifts[0]
    if right < 0:
        return None
    high = ((first[:, np.newaxis] + second) * multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    rounded = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
    codes = np.clip(rounded + values.zero_point, -128, 127)
    unit = multiplier / 2 ** (31 + right)
    largest = float(np.abs(first).max() + np.abs(second).max()) * unit + abs(values.zero_point) + 2
    bits = min(MOST_BITS, int(np.floor(np.log2(INT32 / largest))))
    if bits < 1:
        return None
    half = (2 * values.zero_point + 1) << (bits - 1)
    for ours, theirs in _candidates(first, second, unit * 2**bits):
        sums = ours[:, np.newaxis] + theirs
        # What may be added, so that the shifted sums are the codes; beyond the smallest and the largest they saturate.
        least = np.where(codes > -128, (codes << bits) - sums, -INT32).max()
        most = np.where(codes < 127, ((codes + 1) << bits) - 1 - sums, INT32).min()
        start = int(min(max(half, least), most))
        if least <= most and np.abs(sums).max() + abs(start) < INT32:
            return Tables((tuple((ours + start).tolist()), tuple(theirs.tolist())), bits)
    return None


def _candidates(first: Numbers, second: Numbers, factor: float) -> Iterator[tuple[Numbers, Numbers]]:
    """Both operands times a factor: first as multiples of the codes, then one of them, then none."""
    for multiples in ((True, True), (True, False), (False, True), (False, False)):
        for stretch in STRETCHES:
            exact = [np.rint(operand * (factor * (1 + stretch))).astype(np.int64) for operand in (first, second)]
            ours, theirs = (
                _straight(values) if multiple else values for values, multiple in zip(exact, multiples, strict=True)
            )
            yield ours, theirs


def _straight(values: Numbers) -> Numbers:
    """The nearest multiples of the codes, and a constant."""
    slope = int(np.rint((values[-1] - values[0]) / 255))
    return np.asarray(slope * CODES + int(np.rint((values - slope * CODES).mean())))


def _requantised(values: Requantisation, first: Numbers, second: Numbers) -> Tables | None:
    """Twice the operands, whose sum has at most 30 bits and a sign, for a requantisation."""
    multiplier, right = values.multipliers[0], -values.shifts[0]
    # A shift of 0 would add the half unit that the kernel takes off negative sums; a large one moves the zero point out
    # of 32 bits.
    if not 1 <= right <= 22 or multiplier == 0:
        return None
    operands = (tuple((2 * first).tolist()), tuple((2 * second).tolist()))
    return Tables(operands, right, multiplier, (1 << (right - 1)) + (values.zero_point << right))
