"""The gate of a quantised model: table, threshold and what it does, measured on the model that the board runs.

    gate = calibrate("softmax_response", logits, temperature, target, {"validation": (codes, labels), "test": (codes, labels)})
    decisions = decide(gate, codes)

Codes are int8 logits [N, T, classes] after each of T frames (1 of an image): the first that the gate is sure of decides, and
the last if it never is (contract.gate.in_time).

The float threshold of training does not carry over: the board ranks int8 logits. So the threshold is chosen again, on
the validation split and on score codes. The test split is only measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import SCORES, in_time, predicted_class, softmax_response
from contract.manifest import Gate, Measured, Tensor

if TYPE_CHECKING:
    from train.abstain.threshold import Target

# Score -> its table of a logit scale and a temperature. A score of contract.gate.SCORES has a line here.
TABLES: Final[dict[str, Callable[[float, float], tuple[int, ...]]]] = {
    softmax_response.NAME: softmax_response.table,
}

CALIBRATED_ON: Final = "validation"


@dataclass(frozen=True)
class Decisions:
    """What the gate makes of N samples: `predicted` uint8, `score` uint16, `accepted` bool, `steps` uint16, the frames that were
    taken; and `classes` uint8 and `scores` uint16 [N, T] after each frame."""

    predicted: NDArray[np.uint8]
    score: NDArray[np.uint16]
    accepted: NDArray[np.bool_]
    steps: NDArray[np.uint16]
    classes: NDArray[np.uint8]
    scores: NDArray[np.uint16]


def calibrate(
    score: str,
    output: Tensor,
    temperature: float,
    target: "Target",
    splits: Mapping[str, tuple[NDArray[np.int8], NDArray[np.int64]]],
    minimum_steps: int | None = None,
) -> Gate:
    """The gate on `output`, its threshold chosen on the split named "validation" to meet `target`.

    `splits` are int8 logits [N, T, classes] and labels [N] by name; the result measures each. `minimum_steps` is None for images.
    Raises TrainError if no threshold meets the target.
    """
    table = TABLES[score](output.scale, temperature)
    least = minimum_steps or 1
    running = {name: _running(score, table, codes) for name, (codes, _) in splits.items()}
    threshold = _choose(*running[CALIBRATED_ON], splits[CALIBRATED_ON][1], least, target)
    measured = []
    for name, (_, labels) in splits.items():
        decisions = _decide(*running[name], threshold, least)
        coverage, risk = _measure(decisions, labels)
        steps = float(decisions.steps.mean()) if minimum_steps else None
        measured.append(Measured(name, len(labels), coverage, risk, steps))
    return Gate(score, output.name, temperature, table, threshold, {target.key: target.value}, tuple(measured))


def decide(gate: Gate, logits: NDArray[np.int8], minimum_steps: int | None = None) -> Decisions:
    """What the board decides for int8 logits [N, T, classes]."""
    return _decide(*_running(gate.score, gate.table, logits), gate.threshold, minimum_steps or 1)


def _decide(classes: NDArray[np.uint8], scores: NDArray[np.uint16], threshold: int, minimum_steps: int) -> Decisions:
    decided = [in_time.decide(row, threshold, minimum_steps) for row in scores.tolist()]
    steps = np.array([count for count, _ in decided], np.uint16)
    last = (np.arange(len(steps)), steps.astype(np.int64) - 1)
    accepted = np.array([sure for _, sure in decided], np.bool_)
    return Decisions(classes[last], scores[last], accepted, steps, classes, scores)


def _choose(
    classes: NDArray[np.uint8],
    scores: NDArray[np.uint16],
    labels: NDArray[np.int64],
    minimum_steps: int,
    target: "Target",
) -> int:
    """The threshold that meets `target` with the greatest coverage, or for a coverage the greatest that meets it."""
    from train.abstain.threshold import Coverage, choose

    best = scores[:, minimum_steps - 1 :].max(axis=1)  # a sample is accepted if this is at least the threshold
    at_once = scores.shape[1] == 1
    if at_once or isinstance(target, Coverage):
        return int(choose(best, classes[:, -1] == labels, target))
    # A threshold decides when, and so what, is answered: risks are those of each threshold's own answers.
    for threshold in np.unique(best).tolist():
        if _measure(_decide(classes, scores, threshold, minimum_steps), labels)[1] <= target.value:
            return int(threshold)
    return int(choose(best, np.zeros(len(best), np.bool_), target))  # raises, and says why


def _measure(decisions: Decisions, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Coverage and selective risk."""
    wrong = (decisions.predicted != labels)[decisions.accepted]
    return float(decisions.accepted.mean()), float(wrong.mean()) if wrong.size else 0.0


# Lists, because differences of numpy's int8 wrap around.
def _running(
    score: str, table: tuple[int, ...], logits: NDArray[np.int8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Class and score after each frame, [N, T] each."""
    rows = logits.reshape(-1, logits.shape[-1]).tolist()
    classes = np.array([predicted_class(row) for row in rows], np.uint8)
    scores = np.array([SCORES[score](row, table) for row in rows], np.uint16)
    return classes.reshape(logits.shape[:2]), scores.reshape(logits.shape[:2])
