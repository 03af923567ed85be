"""HARD_SWISH in int8: x * relu6(x + 3) / 6, tabulated with the 16-bit arithmetic of the reference kernel
(hard_swish.h)."""

from export.aot.codes import expect
from export.aot.fixed_point import quantize_multiplier, wrap
from export.aot.operators.lookup import lookup
from export.aot.program import Node
from export.graph import Graph, GraphError, Operator

INT16 = (-(1 << 15), (1 << 15) - 1)


def lower_hard_swish(graph: Graph, operator: Operator) -> Node:
    source, output = graph.input(operator, 0), graph.output(operator)
    expect(("int8",), source, output)
    multiplier, shift = _short(source.scale / 128 / output.scale)
    relu_multiplier, relu_shift = _short(source.scale / 128 / (3 / 32768))
    if shift > 0 or source.elements != output.elements:
        raise GraphError(f"input scale {source.scale:g} is more than 128 times the output's, {output.scale:g}.",
                         "Calibrate the output's range.")  # fmt: skip

    def code(value: int) -> int:
        fine = (value - source.zero_point) * 128
        relu = _saturate(fine << (relu_shift - 1)) if relu_shift > 0 else fine
        relu = _product_rounded(relu, relu_multiplier)
        if relu_shift > 0:
            relu = _saturate(relu << 1)
        elif relu_shift < 0:
            relu = _halve(relu, -relu_shift)
        relu = (relu + (1 << 15)) >> 1  # from -1 .. 1 to 0 .. 1
        product = _towards_zero(relu * _product_rounded(fine, multiplier), 15)
        return min(max(wrap(_halve(product, -shift) + output.zero_point, 16), -128), 127)

    return lookup(operator.op, output.name, (source.index,), output.index, output.elements, code)


def _short(factor: float) -> tuple[int, int]:
    """A multiplier reduced to 16 bits (DownScaleInt32ToInt16Multiplier), and its shift."""
    multiplier, shift = quantize_multiplier(factor)
    return min((multiplier + (1 << 15)) >> 16, INT16[1]), shift


def _saturate(value: int) -> int:
    return min(max(value, INT16[0]), INT16[1])


def _towards_zero(value: int, shift: int) -> int:
    return value >> shift if value >= 0 else -(-value >> shift)


def _product_rounded(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul of int16; the multiplier is never negative."""
    return _towards_zero(a * b + ((1 << 14) if a * b >= 0 else 1 - (1 << 14)), 15)


def _halve(value: int, exponent: int) -> int:
    """RoundingDivideByPOT in int16, where an exponent above 15 leaves a mask of -1."""
    mask = wrap((1 << exponent) - 1, 16)
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))
