"""How samples ended, counted as they end: of bounded size however long a session is.

tally = Tally()
tally.count(outcome)
tally.coverage, tally.hybrid_accuracy

counts = Counts(classes, course=False)            # all that a summary tells of a session (host.summary)
counts.take(outcome, expected, board_hz)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from contract.gate import ONE
from host.bridge import Outcome
from host.latency import Latencies, stages
from host.vectors import Expected

STRETCHES: Final = 10
"""Parts of a session, at least, in which its policy is summed up; less than twice as many."""

NAMED_MAX: Final = 1000
"""Samples with a name that are kept one by one; session.jsonl has all."""

SHOWN_MAX: Final = 5
"""Disagreements and lost samples that are kept in words; the count tells of the rest, session.jsonl holds them all."""


@dataclass(frozen=True)
class Named:
    """What became of a recording: its file, classes by name, who answered, after how many frames."""

    name: str
    label: str | None
    answer: str | None
    probability: float | None
    source: str | None
    steps: int
    lost: str | None


@dataclass(frozen=True)
class Stretch:
    """The session until one of its samples, the `samples`-th. Counted from the start: `mistakes`, accepted samples with
    another class than their label, `abstentions`, and `queries`, which are those of the abstentions that the policy
    asked for. `experts` is how many thresholds were left to it; `threshold` is the mean of those in force since the
    stretch before, as a probability and without the queries, None if it is of queries alone."""

    samples: int
    threshold: float | None
    experts: int
    mistakes: int
    abstentions: int
    queries: int


@dataclass
class Tally:
    """Counts of ended samples. Accuracies are over those whose class is known, and a lost one is wrong."""

    samples: int = 0
    lost: int = 0
    accepted: int = 0
    labelled: int = 0
    base_right: int = 0
    hybrid_right: int = 0
    accepted_labelled: int = 0
    accepted_right: int = 0
    answered_by: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome, times: int = 1) -> None:
        """Add it; with `times` = -1 take it out again."""
        known = outcome.label is not None
        self.samples += times
        self.lost += times * (outcome.lost is not None)
        self.accepted += times * bool(outcome.accepted)
        self.labelled += times * known
        self.base_right += times * (known and outcome.board_class == outcome.label)
        self.hybrid_right += times * (known and not outcome.lost and outcome.answer == outcome.label)
        self.accepted_labelled += times * (known and bool(outcome.accepted))
        self.accepted_right += times * (known and bool(outcome.accepted) and outcome.answer == outcome.label)
        if outcome.source is not None:
            self.answered_by[outcome.source] += times

    @property
    def coverage(self) -> float | None:
        return _share(self.accepted, self.samples)

    @property
    def abstention(self) -> float | None:
        return _share(self.samples - self.accepted, self.samples)

    @property
    def base_accuracy(self) -> float | None:
        return _share(self.base_right, self.labelled)

    @property
    def hybrid_accuracy(self) -> float | None:
        return _share(self.hybrid_right, self.labelled)

    @property
    def selective_accuracy(self) -> float | None:
        return _share(self.accepted_right, self.accepted_labelled)

    @property
    def selective_risk(self) -> float | None:
        return _share(self.accepted_labelled - self.accepted_right, self.accepted_labelled)


@dataclass
class Mean:
    """Of numbers as they come."""

    total: float = 0.0
    count: int = 0

    def add(self, number: float) -> None:
        self.total += number
        self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


class Course:
    """A session in stretches of equal length, the last one perhaps shorter: as soon as there are twice STRETCHES, each
    two become one."""

    def __init__(self) -> None:
        self._ends: list[tuple[Stretch, Mean]] = []
        self._length = 1
        self._samples = self._mistakes = self._abstentions = self._queries = self._experts = 0
        self._thresholds = Mean()  # score codes, of the stretch that is not over

    def take(self, outcome: Outcome) -> None:
        self._samples += 1
        self._mistakes += bool(outcome.accepted) and outcome.label is not None and outcome.answer != outcome.label
        self._abstentions += outcome.accepted is False
        self._queries += outcome.queried
        self._experts = outcome.experts or 0
        if outcome.threshold is not None and not outcome.queried:
            self._thresholds.add(outcome.threshold)
        if self._samples % self._length == 0:
            self._ends.append((self._stretch(self._thresholds), self._thresholds))
            self._thresholds = Mean()
        if len(self._ends) == 2 * STRETCHES:
            self._length *= 2
            self._ends = [_joined(*pair) for pair in zip(self._ends[::2], self._ends[1::2], strict=True)]

    def stretches(self) -> list[Stretch]:
        rest = [self._stretch(self._thresholds)] if self._samples % self._length else []
        return [stretch for stretch, _ in self._ends] + rest

    def _stretch(self, thresholds: Mean) -> Stretch:
        counts = self._experts, self._mistakes, self._abstentions, self._queries
        return Stretch(self._samples, _probability(thresholds), *counts)


def _joined(first: tuple[Stretch, Mean], second: tuple[Stretch, Mean]) -> tuple[Stretch, Mean]:
    both = Mean(first[1].total + second[1].total, first[1].count + second[1].count)
    return replace(second[0], threshold=_probability(both)), both


def _probability(codes: Mean) -> float | None:
    return None if codes.value is None else codes.value / ONE


@dataclass
class Cycles:
    """Of all inferences that a sample took, and of one decision."""

    inferring: Mean = field(default_factory=Mean)
    deciding: Mean = field(default_factory=Mean)


class Counts:
    """Of the samples of a session, or of one board of it. `classes` are the model's; `course` says whether to follow a
    policy's.

    `steps` and `steps_accepted` are of those samples that were decided; an emulator's cycles are not those of boards;
    `differing` counts those that the board decided otherwise than `compared` with what is known. `moved` is the last
    threshold in force that no policy asked for.
    """

    def __init__(self, classes: Sequence[str], course: bool = False) -> None:
        self.tally, self.latencies, self.uplink_bytes = Tally(), Latencies(), 0
        self.steps, self.steps_accepted = Mean(), Mean()
        self.on_boards, self.emulated = Cycles(), Cycles()
        self.compared = self.differing = 0
        self.differing_first: list[str] = []
        self.lost_first: list[str] = []
        self.named: list[Named] = []
        self.course = Course() if course else None
        self.moved: int | None = None
        self._classes = classes

    def take(self, outcome: Outcome, wanted: Expected | None = None, board_hz: float | None = None) -> None:
        """The next sample; `wanted` is what the board must make of it, `board_hz` what its cycles count, None if
        emulated."""
        self.tally.count(outcome)
        self.uplink_bytes += outcome.uplink_bytes
        if outcome.lost is None:
            self.latencies.add(stages(outcome, board_hz))
        elif len(self.lost_first) < SHOWN_MAX:
            self.lost_first.append(f"sample {outcome.sample}: {outcome.lost}")
        if outcome.board_class is not None:
            self.steps.add(outcome.steps)
        if outcome.accepted:
            self.steps_accepted.add(outcome.steps)
        cycles = self.emulated if board_hz is None else self.on_boards
        if outcome.infer_cycles is not None:
            cycles.inferring.add(outcome.infer_cycles)
        if outcome.gate_cycles is not None:
            cycles.deciding.add(outcome.gate_cycles / max(1, outcome.steps))
        self._compare(outcome, wanted)
        if outcome.name is not None and len(self.named) < NAMED_MAX:
            self.named.append(self._named(outcome.name, outcome))
        if self.course is not None:
            self.course.take(outcome)
        if outcome.threshold is not None and not outcome.queried:
            self.moved = outcome.threshold

    def _compare(self, outcome: Outcome, wanted: Expected | None) -> None:
        """A sample lost before RESULT is not compared."""
        if wanted is None:
            return
        self.compared += 1
        words = [] if outcome.board_class is None else _differences(outcome, wanted)
        self.differing += bool(words)
        if words and len(self.differing_first) < SHOWN_MAX:
            self.differing_first.append(f"sample {outcome.sample}: {'; '.join(words)}")

    def _named(self, name: str, outcome: Outcome) -> Named:
        label, answer = (None if at is None else self._classes[at] for at in (outcome.label, outcome.answer))
        return Named(name, label, answer, outcome.probability, outcome.source, outcome.steps, outcome.lost)


def _differences(outcome: Outcome, wanted: Expected) -> list[str]:
    pairs = {
        "class": (outcome.board_class, wanted.board_class),
        "score": (outcome.score, wanted.score),
        "accepted": (outcome.accepted, wanted.accepted),
        "steps": (outcome.steps, wanted.steps),
    }
    return [
        f"{what} {board} on the board, {host} on the host" for what, (board, host) in pairs.items() if board != host
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
