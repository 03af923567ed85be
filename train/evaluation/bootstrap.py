"""How far a figure would move with another test split of the same size: percentile bootstrap over samples.

    counts = resample(len(correct), seed=0)
    low, high = interval(aurc(scores, correct, counts))
    low, high = interval(sum(aurc(...) for each seed) / seeds)      of the mean over seeds, on the same resamples

Figures of two rules on the same resamples may be subtracted: the interval of a difference is narrower than those of its
parts. What another training would do is not in it; that is `train.evaluation.spread`.
Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.evaluation import risk_coverage

RESAMPLES: Final = 1000  # Efron and Tibshirani, section 14.3
LEVEL: Final = 0.95

Counts = NDArray[np.int64]


def resample(samples: int, seed: int, resamples: int = RESAMPLES) -> Counts:
    """How often each sample is drawn, [resamples, samples]; every row sums up to `samples`."""
    drawn: Counts = np.random.default_rng(seed).multinomial(samples, np.full(samples, 1 / samples), size=resamples)
    return drawn


def mean(values: NDArray[Any], counts: Counts) -> NDArray[np.float64]:
    """The mean of values [N] (bool: a share) in each resample."""
    found: NDArray[np.float64] = counts @ values.astype(np.float64) / counts.shape[1]
    return found


def selective_risk(accepted: NDArray[np.bool_], correct: NDArray[np.bool_], counts: Counts) -> NDArray[np.float64]:
    """Error rate among the accepted samples of each resample; 0 where none was drawn."""
    taken = counts @ accepted
    return np.divide(counts @ (accepted & ~correct), taken, out=np.zeros(len(counts)), where=taken > 0)


def aurc(scores: NDArray[Any], correct: NDArray[np.bool_], counts: Counts) -> NDArray[np.float64]:
    """Area under the risk-coverage curve of each resample."""
    order = np.argsort(scores, kind="stable")[::-1]
    last = risk_coverage.last_of_each(scores[order])
    drawn = counts[:, order]
    accepted, errors = np.cumsum(drawn, axis=1)[:, last], np.cumsum(drawn * ~correct[order], axis=1)[:, last]
    risk = np.divide(errors, accepted, out=np.zeros(errors.shape), where=accepted > 0)
    area: NDArray[np.float64] = (np.diff(accepted, axis=1, prepend=0) * risk).sum(axis=1) / counts.shape[1]
    return area


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The percentiles of a figure's resamples that hold the share `level` of them between each other."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
