"""The threshold that meets a target on the validation split.

    choose(scores, correct, Coverage(0.8))          answer at least 80 % of the samples, and only the surest
    choose(scores, correct, SelectiveRisk(0.01))    answer as many as possible with at most 1 % wrong

Scores may be floats or the integer codes of the board: only their order matters.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from train.abstain import risk_coverage
from train.errors import TrainError


@dataclass(frozen=True)
class Coverage:
    """Accept at least this share of the samples, in (0, 1]."""

    value: float
    key: ClassVar[str] = "coverage"


@dataclass(frozen=True)
class SelectiveRisk:
    """At most this error rate among accepted samples, in [0, 1)."""

    value: float
    key: ClassVar[str] = "selective_risk"


Target = Coverage | SelectiveRisk


def choose(scores: NDArray[Any], correct: NDArray[np.bool_], target: Target) -> float:
    """The threshold for scores [N] and correctness [N]; a sample is accepted if its score is at least the threshold.

    For a coverage, the greatest threshold that meets it; for a selective risk, the one of greatest coverage that meets
    it. It is one of the scores, so an int if they are integers. Raises TrainError if no threshold meets the risk.
    """
    points = risk_coverage.curve(scores, correct)
    if isinstance(target, Coverage):
        index = np.flatnonzero(points.coverage >= target.value)[0]  # the last point has coverage 1
    else:
        met = np.flatnonzero(points.risk <= target.value)
        if not met.size:
            best = int(np.argmin(points.risk))
            raise TrainError(
                f"gate.target: no threshold reaches a selective risk of {target.value} on the {len(scores)} validation "
                f"samples; the best is {points.risk[best]:.4f}, at a coverage of {points.coverage[best]:.4f}.",
                "Ask for a risk no lower than that, ask for a coverage instead, or train a better base model.",
            )
        index = met[-1]
    threshold: float = points.threshold[index].item()
    return threshold
