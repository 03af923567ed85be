"""How far a figure would move with another test split of the same size: percentile bootstrap over samples.

    counts = resample(len(correct), seed=0)
    low, high = interval(curves(scores, correct, counts).aurc())

The interval of a mean over seeds is that of the mean of their resampled figures, all from the same `counts`.

Figures of two rules on the same resamples may be subtracted: the interval of a difference is narrower than those of its
parts. What another training would do is not in it; that is `train.evaluation.spread`.
Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Curves:
    """The risk-coverage curve of each resample: `train.evaluation.risk_coverage.Curve` with a first axis, [resamples,
    M].

    Its points are those of all samples; one whose samples were not drawn has the coverage of the point before it.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    joint_error: NDArray[np.float64]

    def aurc(self) -> NDArray[np.float64]:
        area: NDArray[np.float64] = (np.diff(self.coverage, axis=1, prepend=0) * self.risk).sum(axis=1)
        return area

    def risk_at_coverage(self, coverage: float) -> NDArray[np.float64]:
        first = np.argmax(self.coverage >= coverage, axis=1)
        risk: NDArray[np.float64] = self.risk[np.arange(len(first)), first]
        return risk

    def coverage_at_risk(self, risk: float) -> NDArray[np.float64]:
        return _greatest(self.coverage, self.risk <= risk)

    def coverage_at_joint_error(self, joint_error: float) -> NDArray[np.float64]:
        return _greatest(self.coverage, self.joint_error <= joint_error)


def curves(scores: NDArray[Any], correct: NDArray[np.bool_], counts: Counts) -> Curves:
    """The curves of scores [N] and correctness [N] in each resample."""
    order = np.argsort(scores, kind="stable")[::-1]
    last = risk_coverage.last_of_each(scores[order])
    drawn = counts[:, order]
    accepted, errors = np.cumsum(drawn, axis=1)[:, last], np.cumsum(drawn * ~correct[order], axis=1)[:, last]
    risk = np.divide(errors, accepted, out=np.zeros(errors.shape), where=accepted > 0)
    return Curves(accepted / counts.shape[1], risk, errors / counts.shape[1])


def _greatest(coverage: NDArray[np.float64], met: NDArray[np.bool_]) -> NDArray[np.float64]:
    greatest: NDArray[np.float64] = np.where(met, coverage, 0.0).max(axis=1)
    return greatest


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The percentiles of a figure's resamples that hold the share `level` of them between each other."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
