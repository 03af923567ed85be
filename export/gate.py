"""The gate of a quantised model: table, threshold and what it does, measured on the model that the board runs.

    reads = Reads("softmax_response", logits, None, classes=10, temperature=1.3)
    gate = calibrate(reads, target, {"validation": (codes, labels), "test": (codes, labels)})
    decisions = decide(gate, codes)

`codes` are what the gate reads after each of T frames (1 of an image): the first frame that the gate is sure of
decides, and the last if it never is (contract.gate.in_time).

The float threshold of training does not carry over: the board ranks integers. So the threshold is chosen again, on
the validation split and on score codes. The test split is only measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from contract.gate import (
    SCORES,
    entropy,
    exponentials,
    head,
    in_time,
    margin,
    normalised_max_logit,
    predicted_class,
    reservation,
    router,
    softmax_response,
    with_offset,
)
from contract.manifest import Gate, Measured, Router, Tensor
from export.errors import ExportError

if TYPE_CHECKING:
    from train.abstain.threshold import Target


@dataclass(frozen=True)
class Reads:
    """A score and what it reads: the logits' tensor, of which the first `classes` are those of classes, and the one of
    what else it reads, None if that is nothing or follows the classes. For a router `extra` is the router's output."""

    score: str
    logits: Tensor
    extra: Tensor | None
    classes: int
    temperature: float

    @property
    def other(self) -> Tensor:
        """`extra` of a score that has one. Raises ExportError if the model lacks that output."""
        if self.extra is None:
            wanted = SCORES[self.score].extra
            raise ExportError(
                f"gate.score {self.score!r} reads an output {wanted!r}, which the model does not have.",
                "Choose another score, or train a base model whose head has that output.",
            )
        return self.extra


# Score -> its table. A score of contract.gate.SCORES has a line here.
TABLES: Final[dict[str, Callable[[Reads], tuple[int, ...]]]] = {
    softmax_response.NAME: lambda reads: exponentials.table(reads.logits.scale, reads.temperature),
    margin.NAME: lambda reads: exponentials.table(reads.logits.scale, reads.temperature),
    entropy.NAME: lambda reads: entropy.table(reads.logits.scale, reads.temperature, reads.classes),
    normalised_max_logit.NAME: lambda reads: normalised_max_logit.table(reads.classes),
    reservation.NAME: lambda reads: exponentials.table(reads.logits.scale, reads.temperature),
    head.NAME: lambda reads: head.table(reads.other.scale, reads.other.zero_point),
    router.NAME: lambda reads: router.table(reads.other.scale, reads.other.zero_point),
}

CALIBRATED_ON: Final = "validation"


@dataclass(frozen=True)
class Codes:
    """What the gate reads of N samples after each of T frames: int8 `logits` of the classes [N, T, classes], and
    `extra` [N, T, any], what else the score reads."""

    logits: NDArray[np.int8]
    extra: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True)
class Decisions:
    """What the gate makes of N samples: `predicted` uint8, `score` uint16, `accepted` bool, `steps` uint16, the frames
    that were taken; and `classes` uint8 and `scores` uint16 [N, T] after each frame."""

    predicted: NDArray[np.uint8]
    score: NDArray[np.uint16]
    accepted: NDArray[np.bool_]
    steps: NDArray[np.uint16]
    classes: NDArray[np.uint8]
    scores: NDArray[np.uint16]


def read(score: str, answers: Mapping[str, NDArray[np.int8]], output: str, classes: int) -> Codes:
    """What the score reads of a model's answers, codes [N, T, any] by output; `output` is that of the logits.

    Raises ExportError if the model lacks what the score reads.
    """
    codes = answers[output]
    extra = SCORES[score].extra
    if extra is None:
        return Codes(codes[..., :classes], codes[..., :0])
    other = codes[..., classes:] if extra == output else answers.get(extra, codes[..., :0])
    if other.shape[-1] == 0:
        what = f"a logit of abstaining behind those of {classes} classes" if extra == output else f"an output {extra!r}"
        raise ExportError(
            f"gate.score {score!r} reads {what}, which the model does not have.",
            "Choose another score, or train a base model whose head has it.",
        )
    return Codes(codes[..., :classes], other)


def calibrate(
    reads: Reads,
    target: "Target",
    splits: Mapping[str, tuple[Codes, NDArray[np.int64]]],
    minimum_steps: int | None = None,
    per_class: bool = False,
    second: Router | None = None,
) -> Gate:
    """The gate, its threshold chosen on the split named "validation" to meet `target`.

    `splits` are codes and labels [N] by name; the result measures each. `minimum_steps` is None for images. With
    `per_class` each predicted class has a threshold of its own (train.abstain.per_class), which gives the offsets.
    `second` describes the router of a score that has one. Raises TrainError if no threshold meets the target.
    """
    table = TABLES[reads.score](reads)
    least = minimum_steps or 1
    codes, labels = splits[CALIBRATED_ON]
    classes, scores = _running(reads.score, table, (), codes)
    common, offsets = 0, tuple[int, ...]()
    if per_class:
        common, offsets = _by_class(classes[:, -1], scores[:, -1], labels, reads.classes, target)
    running = {name: _running(reads.score, table, offsets, codes) for name, (codes, _) in splits.items()}
    if not per_class or minimum_steps:  # in time, a threshold also decides when is answered
        common = _choose(*running[CALIBRATED_ON], labels, least, target)
    measured = []
    for name, (_, labels) in splits.items():
        decisions = _decide(*running[name], common, least)
        coverage, risk = _measure(decisions, labels)
        steps = float(decisions.steps.mean()) if minimum_steps else None
        measured.append(Measured(name, len(labels), coverage, risk, steps))
    extra = SCORES[reads.score].extra
    return Gate(
        reads.score, reads.logits.name, extra, reads.temperature, table, offsets, common, {target.key: target.value},
        tuple(measured), second,
    )  # fmt: skip


def decide(gate: Gate, codes: Codes, minimum_steps: int | None = None) -> Decisions:
    """What the board decides."""
    return _decide(*_running(gate.score, gate.table, gate.offsets, codes), gate.threshold, minimum_steps or 1)


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
    from train.abstain.threshold import Coverage, JointError, choose

    best = scores[:, minimum_steps - 1 :].max(axis=1)  # a sample is accepted if this is at least the threshold
    at_once = scores.shape[1] == 1
    if at_once or isinstance(target, Coverage):
        return int(choose(best, classes[:, -1] == labels, target))
    # A threshold decides when, and so what, is answered: risks are those of each threshold's own answers.
    for threshold in np.unique(best).tolist():
        coverage, risk = _measure(_decide(classes, scores, threshold, minimum_steps), labels)
        if (risk * coverage if isinstance(target, JointError) else risk) <= target.value:
            return int(threshold)
    return int(choose(best, np.zeros(len(best), np.bool_), target))  # raises, and says why


def _by_class(
    classes: NDArray[np.uint8],
    scores: NDArray[np.uint16],
    labels: NDArray[np.int64],
    count: int,
    target: "Target",
) -> tuple[int, tuple[int, ...]]:
    """A common threshold, and it less that of each predicted class.

    The common one is the least, so that offsets do not lift scores to where they saturate, but not 0, where they
    saturate below.
    """
    from train.abstain import per_class

    common, offsets = per_class.choose(scores, classes.astype(np.int64), classes == labels, count, target)
    thresholds = [int(common) - int(offset) for offset in offsets]
    least = max(1, min(thresholds))
    return least, tuple(least - threshold for threshold in thresholds)


def _measure(decisions: Decisions, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Coverage and selective risk."""
    wrong = (decisions.predicted != labels)[decisions.accepted]
    return float(decisions.accepted.mean()), float(wrong.mean()) if wrong.size else 0.0


# Lists, because differences of numpy's int8 wrap around.
def _running(
    score: str, table: tuple[int, ...], offsets: tuple[int, ...], codes: Codes
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Class and score after each frame, [N, T] each."""
    frames = codes.logits.shape[:2]
    rows, extras = (of.reshape(frames[0] * frames[1], of.shape[-1]).tolist() for of in (codes.logits, codes.extra))
    classes = [predicted_class(row) for row in rows]
    scores = [
        with_offset(SCORES[score].code(row, table, extra), offsets[said] if offsets else 0)
        for row, extra, said in zip(rows, extras, classes, strict=True)
    ]
    return np.array(classes, np.uint8).reshape(frames), np.array(scores, np.uint16).reshape(frames)
