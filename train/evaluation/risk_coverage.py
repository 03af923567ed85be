"""The risk-coverage curve: selective risk against coverage as the threshold falls over all scores.

The area under it (AURC) ranks scores without choosing a threshold. What a score could still win is the excess over the
area of an oracle that knows which predictions are wrong: the same classifier, the best order. Source: Geifman, Uziel
and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers", ICLR 2019, section 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """One point per distinct score, from the highest threshold (least coverage) to the lowest (coverage 1).

    `threshold` has the dtype of the scores; `coverage`, `risk` and `joint_error` (`train.evaluation.operating_point`)
    are float64; all are [M]. Samples of equal score are accepted together: a threshold cannot tell them apart.
    """

    threshold: NDArray[Any]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    joint_error: NDArray[np.float64]


def curve(scores: NDArray[Any], correct: NDArray[np.bool_]) -> Curve:
    """The curve of scores [N] (floats or integer codes) and whether each prediction was right [N]."""
    order = np.argsort(scores, kind="stable")[::-1]
    ranked, errors = scores[order], np.cumsum(~correct[order])
    last = last_of_each(ranked)
    accepted = last + 1
    return Curve(ranked[last], accepted / len(scores), errors[last] / accepted, errors[last] / len(scores))


def last_of_each(ranked: NDArray[Any]) -> NDArray[np.int64]:
    """Of sorted scores [N], the index of the last sample of each distinct score."""
    return np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))


def aurc(scores: NDArray[Any], correct: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: the mean, over all samples, of the risk at that sample's score as
    threshold."""
    points = curve(scores, correct)
    return float(np.sum(np.diff(points.coverage, prepend=0.0) * points.risk))


def ideal_scores(correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores of an oracle, which abstains from every wrong prediction before any right one; gives the least AURC."""
    return np.where(correct, 1.0, -np.arange(len(correct), dtype=np.float64))


def excess_aurc(scores: NDArray[Any], correct: NDArray[np.bool_]) -> float:
    """AURC less that of the oracle: 0 if no wrong prediction has a score as high as a right one."""
    return aurc(scores, correct) - aurc(ideal_scores(correct), correct)
