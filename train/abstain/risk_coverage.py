"""Coverage, selective risk and the curve that joins them.

Coverage is the share of samples accepted; selective risk is the error rate among them. Lowering the threshold over all
scores traces the risk-coverage curve, and the area under it (AURC) ranks scores without choosing a threshold.
Source: Geifman, Uziel and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers", ICLR 2019,
section 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """One point per distinct score, from the highest threshold (least coverage) to the lowest (coverage 1).

    `threshold` has the dtype of the scores; `coverage` and `risk` are float64; all are [M]. Samples of equal score are
    accepted together: a threshold cannot tell them apart.
    """

    threshold: NDArray[Any]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]


def curve(scores: NDArray[Any], correct: NDArray[np.bool_]) -> Curve:
    """The curve of scores [N] (floats or integer codes) and whether each prediction was right [N]."""
    order = np.argsort(scores, kind="stable")[::-1]
    ranked, errors = scores[order], np.cumsum(~correct[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # the last sample of each distinct score
    accepted = last + 1
    return Curve(ranked[last], accepted / len(scores), errors[last] / accepted)


def measure(scores: NDArray[Any], correct: NDArray[np.bool_], threshold: float) -> tuple[float, float]:
    """Coverage and selective risk at `threshold`; the risk of accepting nothing is 0, as nothing was answered wrongly."""
    accepted = scores >= threshold
    risk = float(np.mean(~correct[accepted])) if accepted.any() else 0.0
    return float(np.mean(accepted)), risk


def aurc(scores: NDArray[Any], correct: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: the mean, over all samples, of the risk at that sample's score as threshold."""
    points = curve(scores, correct)
    return float(np.sum(np.diff(points.coverage, prepend=0.0) * points.risk))


def ideal_scores(correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores of an oracle, which abstains from every wrong prediction before any right one; gives the least AURC."""
    return np.where(correct, 1.0, -np.arange(len(correct), dtype=np.float64))
