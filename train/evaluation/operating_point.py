"""What a threshold does: how much is accepted, and how much of that is wrong.

    point = measure(scores >= threshold, correct)
    point.coverage, point.joint_error, point.selective_risk

Two different error rates go by the name of risk. The joint error is P(accepted and wrong), of all samples, and falls
when less is accepted; the selective risk is P(wrong | accepted), of the accepted ones. joint error = coverage *
selective risk. Sources: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010,
section 2 (coverage and selective risk); Gangrade, Kag and Saligrama, "Selective Classification via One-Sided
Prediction", AISTATS 2021 (joint error).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.operating_point import OperatingPoint
from train.evaluation import risk_coverage


def measure(accepted: NDArray[np.bool_], correct: NDArray[np.bool_]) -> OperatingPoint:
    """The point at which `accepted` [N] lies, of predictions that are `correct` [N]."""
    return OperatingPoint(len(accepted), int(np.count_nonzero(accepted)), int(np.count_nonzero(accepted & ~correct)))


def risk_at_coverage(scores: NDArray[Any], correct: NDArray[np.bool_], coverage: float) -> float:
    """Selective risk at the greatest threshold whose coverage is at least `coverage`, in (0, 1]."""
    points = risk_coverage.curve(scores, correct)
    return float(points.risk[np.flatnonzero(points.coverage >= coverage)[0]])  # the last point has coverage 1


def accuracy_at_coverage(scores: NDArray[Any], correct: NDArray[np.bool_], coverage: float) -> float:
    """Accuracy among accepted samples at that threshold."""
    return 1 - risk_at_coverage(scores, correct, coverage)


def coverage_at_risk(scores: NDArray[Any], correct: NDArray[np.bool_], risk: float) -> float:
    """The greatest coverage of any threshold with a selective risk of at most `risk`; 0 if none has."""
    points = risk_coverage.curve(scores, correct)
    return _greatest(points.coverage[points.risk <= risk])


def coverage_at_joint_error(scores: NDArray[Any], correct: NDArray[np.bool_], joint_error: float) -> float:
    """The greatest coverage of any threshold with a joint error of at most `joint_error`; 0 if none has."""
    points = risk_coverage.curve(scores, correct)
    return _greatest(points.coverage[points.joint_error <= joint_error])


def _greatest(coverages: NDArray[np.float64]) -> float:
    return float(coverages.max()) if len(coverages) else 0.0
