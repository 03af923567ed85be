"""The short exact requantisation of the packed kernels: three constants a channel, and the proof that they may be used.

See firmware/lib/nn/matmul_2x4.h for the arithmetic. `shorten` returns None where a bound fails, and the caller keeps
the long form (firmware/lib/nn/requantise.h), which holds for every int32 accumulator.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot import interval
from export.aot.fixed_point import INT32, Requantisation, requantised

ANYTHING: Final = interval.Interval(np.array(-128), np.array(127))  # int8


@dataclass(frozen=True)
class ShortRequantisation:
    """`words` holds m, C, S as uint32 for each channel. With `relu` the lower bound is the zero point -128.

    `constant` marks the channels whose output cannot change; their m is 0, so that their accumulator does not matter.
    """

    words: NDArray[np.uint32]
    relu: bool
    constant: NDArray[np.bool_]


def accumulators(
    weights: NDArray[np.int8], bias: NDArray[np.int64], axis: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least and greatest sum of each channel, over all int8 inputs; `axis` of the weights is the channel's."""
    sums = interval.accumulators(weights, ANYTHING, bias, axis)
    return sums.low, sums.high


def shorten(
    values: Requantisation, low: NDArray[np.int64], high: NDArray[np.int64], scale_bits: int, limit: int
) -> ShortRequantisation | None:
    """Constants for channels whose accumulators stay within `low` .. `high`, or None if the form would not be exact.

    With a ReLU the kernel scales accumulators by 2^scale_bits (at least 2^2), which must fit 32 bits: `limit` bounds
    them.
    """
    relu = values.minimum == values.zero_point == -128
    if values.maximum != 127 or values.minimum != -128:
        return None
    words, constant = [], []
    for channel, ends in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        entry = channel if len(values.multipliers) > 1 else 0
        multiplier, shift = values.multipliers[entry], values.shifts[entry]
        codes = requantised(values, *ends, channel)
        constant.append(codes[0] == codes[1])
        if constant[-1]:
            # + 1: the kernels take 1 off where an accumulator is negative.
            words.append((0, ((codes[0] << 1) + 1) & 0xFFFFFFFF, 1))
            continue
        bound = max(map(abs, ends))
        if bound >= limit or shift > -1:
            return None
        if relu:
            final = -shift + scale_bits - 1
            added = (1 << (scale_bits - 2)) + (1 << (final - 1)) + (values.zero_point << final)
            product = (bound << scale_bits) * multiplier >> 32
        else:
            final = -shift
            added = (1 << (final - 1)) + (values.zero_point << final)
            product = (bound * 2 * multiplier >> 32) + 1
        if final > 31 or product + abs(added) + 1 >= INT32:
            return None
        words.append((multiplier, added & 0xFFFFFFFF, final))
    return ShortRequantisation(np.array(words, np.uint32), relu, np.array(constant))


def silence(values: NDArray[Any], constant: NDArray[np.bool_], axis: int = 0) -> NDArray[Any]:
    """Weights or biases with those of constant channels set to 0, so that their sums cannot disturb a neighbour's."""
    shape = [1] * values.ndim
    shape[axis] = len(constant)
    return np.where(constant.reshape(shape), 0, values).astype(values.dtype)
