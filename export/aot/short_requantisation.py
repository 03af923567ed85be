"""The short exact requantisation of the packed kernels: three constants a channel, and the proof that they may be used.

See firmware/lib/nn/matmul_2x4.h for the arithmetic. `prove` returns None where a bound fails, and the caller keeps the long
form (firmware/lib/nn/requantise.h), which holds for every int32 accumulator.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation

INT32 = 1 << 31


@dataclass(frozen=True)
class ShortRequantisation:
    """`words` holds m, C, S as uint32 for each channel. With `relu` the lower bound is the zero point -128."""

    words: NDArray[np.uint32]
    relu: bool


def prove(
    values: Requantisation, largest: NDArray[np.int64], scale_bits: int, limit: int
) -> ShortRequantisation | None:
    """Constants for channels whose accumulators stay within +-`largest`, or None if the short form would not be exact.

    With a ReLU the kernel scales accumulators by 2^scale_bits (at least 2^2), which must fit 32 bits: `limit` bounds them.
    """
    relu = values.minimum == values.zero_point == -128
    if values.maximum != 127 or values.minimum != -128 or largest.max(initial=0) >= limit:
        return None
    words = []
    for channel, bound in enumerate(largest.tolist()):
        entry = channel if len(values.multipliers) > 1 else 0
        multiplier, shift = values.multipliers[entry], -values.shifts[entry]
        if multiplier == 0:  # the output is the zero point, whatever the sum and the shift
            shift = 1
        if shift < 1:
            return None
        if relu:
            final = shift + scale_bits - 1
            constant = (1 << (scale_bits - 2)) + (1 << (final - 1)) + (values.zero_point << final)
            high = (bound << scale_bits) * multiplier >> 32
        else:
            final = shift
            constant = (1 << (final - 1)) + (values.zero_point << final)
            high = (bound * 2 * multiplier >> 32) + 1
        if final > 31 or high + abs(constant) + 1 >= INT32:
            return None
        words.append((multiplier, constant & 0xFFFFFFFF, final))
    return ShortRequantisation(np.array(words, np.uint32), relu)
