"""exp, logistic and tanh in the fixed-point arithmetic of gemmlowp (fixedpoint.h), for tables computed at compile time.

TensorFlow Lite Micro's int8 reference kernels evaluate these functions at run time. A number Qm.n is an int32 of m
integer and n = 31 - m fraction bits.
"""

from typing import Final

from export.aot.fixed_point import divide_by_power

ONE: Final = (1 << 31) - 1  # Q0.31, saturated


def exponential(value: int, integer_bits: int) -> int:
    """exp of a number <= 0 with `integer_bits` (at most 5) integer bits, as Q0.31."""
    if value == 0:
        return ONE
    quarter = 1 << (31 - integer_bits - 2)
    fraction = (value & (quarter - 1)) - quarter  # in [-1/4, 0)
    # Taylor series around -1/8, to the fourth power.
    x = (fraction << integer_bits) + (1 << 28)
    x2 = _product(x, x)
    x3, x4 = _product(x2, x), _product(x2, x2)
    series = divide_by_power(_product(divide_by_power(x4, 2) + x3, 715827883) + x2, 1)  # 715827883: 1/3
    result = 1895147668 + _product(1895147668, x + series)  # 1895147668: exp(-1/8)
    # exp(-2^e) in Q0.31 for e = -2 .. 4: one factor for each bit of the rest.
    rest = fraction - value
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        if exponent < integer_bits and rest & (1 << (31 - integer_bits + exponent)):
            result = _product(result, factor)
    return result


def logistic(value: int, integer_bits: int) -> int:
    """1 / (1 + exp(-x)) as Q0.31."""
    if value == 0:
        return 1 << 30
    # 1 / (1 + e) is half of the estimate of 1 / ((1 + e) / 2), and Q2.29 has two bits less than Q0.31.
    positive = min(2 * _reciprocal(exponential(-abs(value), integer_bits)), ONE)
    return positive if value > 0 else ONE - positive


def tanh(value: int, integer_bits: int) -> int:
    """tanh as Q0.31: (1 - e) / (1 + e) = 2 / (1 + e) - 1 with e = exp(-2 |x|), which has one integer bit more."""
    if value == 0:
        return 0
    positive = min(4 * (_reciprocal(exponential(-abs(value), integer_bits + 1)) - (1 << 29)), ONE)
    return positive if value > 0 else -positive


def _reciprocal(x: int) -> int:
    """2 / (1 + x) of a Q0.31 number in [0, 1), as Q2.29: three steps of Newton and Raphson."""
    half_denominator = (x + ONE + 1) // 2
    estimate = 1515870810 + _product(half_denominator, -1010580540)  # 48/17 - 32/17 * half the denominator
    for _ in range(3):
        error = (1 << 29) - _product(half_denominator, estimate)
        estimate += min(max(4 * _product(estimate, error), -ONE - 1), ONE)
    return estimate


def _product(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul: the product of Q0.31 with any other, rounded half up."""
    return (a * b + (1 << 30)) >> 31
