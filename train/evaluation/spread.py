"""A figure over several seeds: mean and deviation."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """`deviation` is that of a sample, with count - 1; of one value it is 0."""

    mean: float
    deviation: float
    least: float
    greatest: float
    values: list[float]


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(statistics.mean(values), deviation, min(values), max(values), list(values))
