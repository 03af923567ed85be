"""A threshold for each predicted class, where one class's sure is not another's.

    threshold, offsets = choose(scores, predicted, correct, classes=10, target=JointError(0.02))
    accepted = shifted(scores, predicted, offsets) >= threshold

The thresholds are offsets from one that all share, so that moving that one still moves them all, as on the board. They
are the best there are on the samples they are chosen on: classes are independent but for the number of errors they
share, which is a knapsack, solved exactly. That is also C numbers fitted where a common threshold is one, so they pay
off with many samples of each class.

Scores may be floats or integer codes. Floats are rounded to 2^-40, so that adding an offset rounds nothing.
Source: thresholds per class are an option of the authors' code of One-Sided Prediction; how they are chosen is ours.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.abstain.threshold import Coverage, JointError, Target
from train.errors import TrainError

GRID: Final = 2.0**-40  # far below what scores of float32 logits can tell apart


@dataclass(frozen=True)
class Choices:
    """What thresholds of one class can do: with at most e = 0 .. E errors, `accepted[e]` samples, by `threshold[e]`."""

    accepted: NDArray[np.int64]
    threshold: NDArray[Any]


def on_grid(scores: NDArray[Any]) -> NDArray[Any]:
    """Scores rounded to multiples of GRID; integers as they are, in int64."""
    if np.issubdtype(scores.dtype, np.integer):
        return scores.astype(np.int64)
    rounded: NDArray[Any] = np.round(scores / GRID) * GRID
    return rounded


def shifted(scores: NDArray[Any], predicted: NDArray[np.int64], offsets: NDArray[Any]) -> NDArray[Any]:
    """Scores [N] with the offset of each sample's predicted class, to be held against the common threshold."""
    moved: NDArray[Any] = on_grid(scores) + offsets[predicted]
    return moved


def choose(
    scores: NDArray[Any], predicted: NDArray[np.int64], correct: NDArray[np.bool_], classes: int, target: Target
) -> tuple[float, NDArray[Any]]:
    """The common threshold and the offsets [classes], of scores, predicted classes and correctness [N].

    For a risk or a joint error the greatest coverage that meets it, for a coverage the fewest errors. The common
    threshold is the least of all, so offsets are 0 or below and lift no score beyond 1. A class that is never predicted
    here gets the median. Numbers are ints if the scores are. Raises TrainError if no thresholds meet the target.
    """
    scores = on_grid(scores)
    options = [_choices(scores[predicted == k], correct[predicted == k]) for k in range(classes)]
    best, parts = _knapsack(options)
    errors = np.arange(len(best))
    if isinstance(target, Coverage):
        index = int(np.flatnonzero(best / len(scores) >= target.value)[0])  # with all errors everything is accepted
    else:
        whole = len(scores) if isinstance(target, JointError) else np.maximum(best, 1)
        met = np.flatnonzero((best > 0) & (errors / whole <= target.value))
        if not met.size:
            raise TrainError(
                f"gate.target: no thresholds per class reach a {target.key.replace('_', ' ')} of {target.value} on the "
                f"{len(scores)} validation samples; the surest of every class are wrong too often.",
                "Ask for a greater one, ask for a coverage instead, or train a better base model.",
            )
        index = int(met[-1])
    own: dict[int, Any] = {}
    for k in reversed(range(classes)):
        spent = int(parts[k][index])
        index -= spent
        if len(options[k].threshold):
            own[k] = options[k].threshold[spent].item()
    ranked = sorted(own.values())
    common, middle = ranked[0], ranked[len(own) // 2]
    return common, np.array([common - own.get(k, middle) for k in range(classes)])


def _choices(scores: NDArray[Any], correct: NDArray[np.bool_]) -> Choices:
    """The best threshold of one class for every number of errors; none if the class is never predicted."""
    if not len(scores):
        return Choices(np.zeros(1, np.int64), scores)
    order = np.argsort(-scores, kind="stable")
    ranked, wrong = scores[order], np.cumsum(~correct[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each distinct score
    step = 1 if np.issubdtype(scores.dtype, np.integer) else GRID
    threshold = np.append(ranked[:1] + step, ranked[last])  # the first accepts nothing
    accepted, errors = np.append(0, last + 1), np.append(0, wrong[last])
    index = np.searchsorted(errors, np.arange(errors[-1] + 1), side="right") - 1  # the most samples within e errors
    return Choices(accepted[index], threshold[index])


def _knapsack(options: list[Choices]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The most samples accepted with at most e errors, [E + 1], and for each class how many of these e it takes."""
    best, parts = np.zeros(1, np.int64), []
    for choices in options:
        own = len(choices.accepted)
        more, taken = np.full(len(best) + own - 1, -1), np.zeros(len(best) + own - 1, np.int64)
        for errors, accepted in enumerate(choices.accepted):
            window = slice(errors, errors + len(best))
            better = best + accepted > more[window]
            more[window] = np.where(better, best + accepted, more[window])
            taken[window] = np.where(better, errors, taken[window])
        best = more
        parts.append(taken)
    return best, parts
