"""How the blocked kernels requantise: in the short form where its bounds are proven, otherwise in the long one.

See firmware/lib/nn/output_form.h for what the three words of a channel are.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import Requantisation
from export.aot.short_requantisation import shorten

SCALE_BITS: Final = 2  # the kernels scale accumulators by 4 for the short form with a ReLU
SHORT_LIMIT: Final = 1 << 29
ACCUMULATOR_LIMIT: Final = 1 << 31


@dataclass(frozen=True)
class OutputForm:
    """`words` is uint32 [channel, 3]; `name` is relu, linear or long, the suffix of the kernel; `constant` marks
    channels whose output cannot change, and whose accumulator does not matter."""

    words: NDArray[np.uint32]
    name: str
    constant: NDArray[np.bool_]


def choose(values: Requantisation, low: NDArray[np.int64], high: NDArray[np.int64]) -> OutputForm | None:
    """The form for accumulators within `low` .. `high` [channel], or None if they could leave 32 bits."""
    if short := shorten(values, low, high, SCALE_BITS, SHORT_LIMIT):
        return OutputForm(short.words, "relu" if short.relu else "linear", short.constant)
    if low.min(initial=0) < -ACCUMULATOR_LIMIT or high.max(initial=0) >= ACCUMULATOR_LIMIT:
        return None
    limits = values.zero_point & 0xFF | (values.minimum & 0xFF) << 8 | (values.maximum & 0xFF) << 16
    step = 1 if len(values.multipliers) > 1 else 0
    words = [
        (values.multipliers[channel * step], limits, values.shifts[channel * step] & 0xFFFFFFFF)
        for channel in range(len(low))
    ]
    return OutputForm(np.array(words, np.uint32), "long", np.zeros(len(low), np.bool_))


def blocked_stream(
    weights: NDArray[np.int8], bias: NDArray[np.int64], constants: NDArray[np.uint32], group: int
) -> NDArray[np.uint32]:
    """The words of firmware/lib/nn/matmul_blocked.h, a row for each `group` output channels.

    `weights` are [channel, input]; both counts, and that of `bias`, are rounded up to what the kernel takes at once.
    """
    groups = len(weights) // group
    start = np.asarray(bias, np.int32).view(np.uint32).reshape(groups, group)
    interleaved = weights.reshape(groups, group, -1).transpose(0, 2, 1)
    packed = np.ascontiguousarray(interleaved).reshape(groups, -1).view(np.uint32)
    epilogue: NDArray[Any] = np.zeros((len(weights), 3), np.uint32)
    epilogue[: len(constants)] = constants
    return np.concatenate([start, packed, epilogue.reshape(groups, 3 * group)], axis=1)
