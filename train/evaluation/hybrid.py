"""Base and large model together: the base answers what it accepts, the large model the rest.

    accuracy(accepted, base_correct, large_correct)
    curve(scores, base_correct, large_correct)        from coverage 0, the large model alone, to 1, the base alone
    macs(coverage, base, large, router)               what a sample costs on average

Source: Kag, Fedorov, Gangrade, Whatmough and Saligrama, "Efficient Edge Inference by Selective Query", ICLR 2023.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.evaluation import risk_coverage


@dataclass(frozen=True)
class Curve:
    """One point per distinct score, and before them one at which nothing is accepted; both are [M + 1]."""

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def accuracy(accepted: NDArray[np.bool_], base_correct: NDArray[np.bool_], large_correct: NDArray[np.bool_]) -> float:
    """Share of right answers, with the base's where it was accepted [N] and the large model's elsewhere."""
    return float(np.mean(np.where(accepted, base_correct, large_correct)))


def curve(scores: NDArray[Any], base_correct: NDArray[np.bool_], large_correct: NDArray[np.bool_]) -> Curve:
    """Accuracy against coverage as the threshold falls over all scores [N]."""
    order = np.argsort(scores, kind="stable")[::-1]
    gained = np.cumsum(base_correct[order].astype(np.int64) - large_correct[order])
    last = risk_coverage.last_of_each(scores[order])
    right = np.append(0, gained[last]) + np.count_nonzero(large_correct)
    return Curve(np.append(0, last + 1) / len(scores), right / len(scores))


def ideal_scores(base_correct: NDArray[np.bool_], large_correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores of an oracle that first keeps what only the base gets right, and last what only the large model does."""
    return 1.0 * base_correct - large_correct


def macs(coverage: NDArray[np.float64] | float, base: int, large: int, router: int = 0) -> NDArray[np.float64]:
    """Mean multiply-accumulates of a sample: base and router see all of them, the large model those not accepted."""
    return base + router + (1 - np.asarray(coverage, dtype=np.float64)) * large
