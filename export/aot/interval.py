"""Interval analysis: which codes each channel of each tensor can take, whatever the model's inputs are.

Every operator's `Node.bounds` maps the intervals of its inputs to that of its output; one that does not know its bounds
can give all codes of its type. A channel is an index along the last axis. Trained networks have channels that a ReLU
never lets through, or holds at its upper end; `passes.fold_constant_channels` and `passes.drop_dead_channels` make use
of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.aot.fixed_point import INT32, Requantisation, requantised
from export.graph import Tensor


@dataclass(frozen=True)
class Interval:
    """Least and greatest value of each channel, int64 [channel]."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @property
    def constant(self) -> NDArray[np.bool_]:
        return np.equal(self.low, self.high)

    def clipped(self, minimum: int, maximum: int) -> "Interval":
        return Interval(self.low.clip(minimum, maximum), self.high.clip(minimum, maximum))

    def spread(self, channels: int) -> "Interval":
        """The same values in the same order, under a shape whose last axis has `channels` elements."""
        if channels % len(self.low) == 0:
            return Interval(np.tile(self.low, channels // len(self.low)), np.tile(self.high, channels // len(self.low)))
        return Interval(np.full(channels, self.low.min()), np.full(channels, self.high.max()))

    def factors(self, zero_point: int, padded: bool) -> "Interval":
        """Codes less the zero point, as weights multiply them: 0 where a window reaches outside of the image."""
        low, high = self.low - zero_point, self.high - zero_point
        return Interval(np.minimum(low, 0), np.maximum(high, 0)) if padded else Interval(low, high)


def everything(tensor: Tensor) -> Interval:
    """All codes of the tensor's type."""
    limits = np.iinfo(tensor.dtype)
    return Interval(np.full(tensor.channels, limits.min, np.int64), np.full(tensor.channels, limits.max, np.int64))


def accumulators(weights: NDArray[Any], factors: Interval, bias: NDArray[np.int64], axis: int) -> Interval:
    """Sums of weights times factors, and a bias, for each index of `axis`, that of the output channel.

    The ends of `factors` are arrays that broadcast with the weights.
    """
    axes = tuple(other for other in range(weights.ndim) if other != axis)
    products = [weights.astype(np.int64) * end for end in (factors.low, factors.high)]
    return Interval(bias + np.minimum(*products).sum(axis=axes), bias + np.maximum(*products).sum(axis=axes))


def codes(values: Requantisation, sums: Interval) -> Interval | None:
    """What sums become when they are requantised; None where one of them could leave 32 bits."""
    if sums.low.min(initial=0) < -INT32 or sums.high.max(initial=0) >= INT32:
        return None
    ends = enumerate(zip(sums.low.tolist(), sums.high.tolist(), strict=True))
    return _interval([requantised(values, low, high, channel) for channel, (low, high) in ends])


def ends(function: Callable[..., int], *operands: Interval) -> Interval:
    """A function of one code, or of one of each operand, that does not decrease with any of them."""
    low, high = (zip(*(getattr(operand, end).tolist() for operand in operands), strict=True) for end in ("low", "high"))
    return _interval([(function(*least), function(*most)) for least, most in zip(low, high, strict=True)])


def _interval(pairs: list[tuple[int, int]]) -> Interval:
    low, high = np.array(pairs, np.int64).T
    return Interval(low, high)
