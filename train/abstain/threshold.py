"""The threshold that meets a target on the validation split.

    choose(scores, correct, Coverage(0.8))          answer at least 80 % of the samples, and only the surest
    choose(scores, correct, SelectiveRisk(0.01))    answer as many as possible, at most 1 % of the answers wrong
    choose(scores, correct, JointError(0.01))       answer as many as possible, at most 1 % of all samples answered wrongly

Scores may be floats or the integer codes of the board: only their order matters.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError
from train.evaluation import risk_coverage


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


@dataclass(frozen=True)
class JointError:
    """At most this share of all samples accepted and wrong, in [0, 1)."""

    value: float
    key: ClassVar[str] = "joint_error"


Target = Coverage | SelectiveRisk | JointError


def choose(scores: NDArray[Any], correct: NDArray[np.bool_], target: Target) -> float:
    """The threshold for scores [N] and correctness [N]; a sample is accepted if its score is at least the threshold.

    For a coverage, the greatest threshold that meets it; for a selective risk or a joint error, the one of greatest
    coverage that meets it. It is one of the scores, so an int if they are integers. Raises TrainError if none meets it.
    """
    points = risk_coverage.curve(scores, correct)
    if isinstance(target, Coverage):
        index = np.flatnonzero(points.coverage >= target.value)[0]  # the last point has coverage 1
    else:
        errors = points.risk if isinstance(target, SelectiveRisk) else points.joint_error
        met = np.flatnonzero(errors <= target.value)
        if not met.size:
            best = int(np.argmin(errors))
            raise TrainError(
                f"gate.target: no threshold reaches a {target.key.replace('_', ' ')} of {target.value} on the {len(scores)} "
                f"validation samples; the best is {errors[best]:.4f}, at a coverage of {points.coverage[best]:.4f}.",
                "Ask for a risk no lower than that, ask for a coverage instead, or train a better base model.",
            )
        index = met[-1]
    threshold: float = points.threshold[index].item()
    return threshold
