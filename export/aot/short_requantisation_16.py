"""The short exact requantisation of the packed 16x8 kernels, and the proof that it may be used.

See firmware/lib/nn/short_requantise_16.h for the arithmetic. `shorten_16` returns None where a bound fails, and the
caller keeps the long form (firmware/lib/nn/requantise_16.h), which holds for every accumulator.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.aot.wide_requantisation import WideRequantisation

LIMIT = 1 << 31  # of an accumulator; also where a doubled one, with two roundings, must stay
CODES = (-32768, 32767)
POSITIVE_CODES = (0, 32767)


@dataclass(frozen=True)
class ShortRequantisation16:
    """`words` holds m, C, S as uint32 for each channel; `form` is the suffix of the kernel."""

    words: NDArray[np.uint32]
    form: str


def accumulators_16(weights: NDArray[np.int8], bias: NDArray[np.int64]) -> NDArray[np.int64]:
    """The greatest magnitude of each channel's sum, and of every part of it; `weights` [channel, ...]."""
    totals = np.abs(weights.astype(np.int64)).reshape(len(bias), -1).sum(axis=1)
    return np.asarray(np.abs(bias) + (totals << 15))


def shorten_16(values: WideRequantisation, largest: NDArray[np.int64]) -> ShortRequantisation16 | None:
    """Constants for channels whose accumulators are at most `largest`, or None if the form would not be exact."""
    limits = (values.minimum, values.maximum)
    if limits not in (CODES, POSITIVE_CODES) or largest.max(initial=0) >= (LIMIT >> 1 if values.narrow else LIMIT):
        return None
    words = []
    for channel in range(len(largest)):
        entry = channel if len(values.multipliers) > 1 else 0
        multiplier, shift = values.multipliers[entry], values.shifts[entry]
        if multiplier == 0:
            words.append((0, 1, 1))  # 0; the kernels take 1 off a negative accumulator where there are two roundings
        elif values.narrow:
            if shift > -1 or shift < -30:
                return None
            words.append((multiplier, 1 << (-shift - 1), -shift))
        else:
            if shift < 17:
                return None
            words.append((multiplier << 16, 1 << (shift - 17), shift - 16))
    form = ("twice" if values.narrow else "once") + ("_relu" if limits == POSITIVE_CODES else "")
    return ShortRequantisation16(np.array(words, np.uint32), form)


def packed_stream_16(
    weights: NDArray[np.int8], bias: NDArray[np.int64], constants: NDArray[np.uint32], pairs: int
) -> NDArray[np.uint32]:
    """The words of firmware/lib/nn/matmul_16.h, a row for every `pairs` pairs of channels side by side.

    `weights` [channel, input], the inputs even, and `bias` are rounded up to whole rows with zeros.
    """
    rows = len(weights) // (2 * pairs)
    halves = (256 * weights[0::2].astype(np.int64) + weights[1::2]) & 0xFFFF
    words = halves[:, 0::2] | halves[:, 1::2] << 16
    packed = words.reshape(rows, pairs, -1).transpose(0, 2, 1).reshape(rows, -1)
    both, second = 256 * bias[0::2] + bias[1::2], bias[1::2]
    start = np.stack([both & 0xFFFFFFFF, both >> 32 & 0xFFFFFFFF, second & 0xFFFFFFFF], axis=1)
    epilogue = np.zeros((len(weights), 3), np.int64)
    epilogue[: len(constants)] = constants
    return np.asarray(np.concatenate([start.reshape(rows, -1), packed, epilogue.reshape(rows, -1)], axis=1), np.uint32)
