"""What all views show, folded from the events of a session: figures over all samples and over the last ones, where the
time goes, the state of each board, the last samples.

    state = State()
    for event in events: state.fold(event)
    state.window.coverage, state.latency()["total"].p95

Memory is bounded however long a session is: sums, the last WINDOW samples, at most COURSE_MAX points of the course.
Nothing reads a clock: the time is that of the last event, so a recorded session folds to the same state. Not
thread-safe.
"""

import bisect
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.gate import ONE
from host.bridge import Outcome
from host.events import (
    Began,
    Connected,
    ConsentAsked,
    ConsentGiven,
    Decided,
    Ended,
    Event,
    Finished,
    Health,
    Link,
    Moved,
    Point,
    Sampled,
)
from host.latency import STAGES, SUMS, Percentiles, percentiles, stages
from host.policy import NOTHING
from host.tally import Tally

WINDOW: Final = 100
"""Samples that rolling figures are of: one is a per cent, and a moved threshold shows within seconds."""

TIMED: Final = 500
"""Samples that latencies are of: p99 is of the five slowest."""

ABSTAINED: Final = 12
"""Samples kept that the board did not answer."""

FEATURED_SECONDS: Final = 0.7
"""How long a sample is shown at least: long enough to see what it is and who answered it."""

STUCK_SECONDS: Final = 5.0
"""How long a sample is shown that does not end, while others do."""

COURSE_MAX: Final = 240
"""Points of the course: as many as a chart on a projector can tell apart."""

RATE_SECONDS: Final = 3.0
"""The samples per second are of so long."""

PARTS: Final = tuple(stage for stage in STAGES if stage not in SUMS)

WAITING: Final = "waiting"
"""The part of a sample's time that is in no stage: for consent, or for an answer that did not come."""


@dataclass
class Shown:
    """A sample as far as it has come; `number` counts the samples of all boards from 1. `stage` is one of

    sent       on its way to the board, or on it
    decided    the board has answered; the answer stands, or the large model is being asked
    asking     it waits for consent until `until`
    ended      as `outcome` says
    """

    number: int
    at: float
    port: str
    sample: int
    label: int | None = None
    name: str | None = None
    codes: bytes = field(default=b"", repr=False)
    stage: str = "sent"
    board_class: int | None = None
    score: int | None = None
    accepted: bool | None = None
    steps: int = 0
    until: float = 0.0
    asked_at: float | None = None
    consent: ConsentGiven | None = None
    outcome: Outcome | None = None
    milliseconds: float | None = None

    @property
    def only_there(self) -> bool:
        """Whether nobody but its board has it: it was not sent there, and did not leave."""
        sent_up = self.outcome is not None and (self.outcome.sent_up or self.outcome.lost is not None)
        return not self.codes and not sent_up and not (self.consent is not None and self.consent.granted)


@dataclass
class Board:
    """A board, its link and what it has done. `link` is "up", "down", "gone", or "opening" until it has said HELLO."""

    port: str
    threshold: int
    connected: Connected | None = None
    link: str = "opening"
    detail: str = ""
    health: Health | None = None
    current: Shown | None = None
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Mark:
    """A point of the session's course: rolling figures after `samples` samples."""

    samples: int
    coverage: float | None
    base_accuracy: float | None
    hybrid_accuracy: float | None


class State:
    """`total` is of all samples, `window` of the last WINDOW, `since` of those since the threshold was moved."""

    def __init__(self) -> None:
        self.version = 0
        """Counts the events, so that a view can tell whether anything has changed."""
        self.at = 0.0
        self.began: Began | None = None
        self.curve: tuple[Point, ...] = ()
        """That of the session, in the order of its thresholds."""
        self.finished: Finished | None = None
        self.boards: dict[str, Board] = {}
        self.threshold = 0
        self.moved_by: str | None = None
        self.total, self.window, self.since = Tally(), Tally(), Tally()
        self.featured: Shown | None = None
        """The sample to show: one that waits for consent, else one that is followed to its end and stays for a
        while."""
        self.abstained: deque[Shown] = deque(maxlen=ABSTAINED)
        """The last ended ones that the board did not answer, the newest last."""
        self.course: list[Mark] = []
        self._stride = 1
        self._window: deque[Outcome] = deque()
        self._times: deque[tuple[str | None, dict[str, float]]] = deque(maxlen=TIMED)
        self._endings: deque[float] = deque(maxlen=1000)
        self._numbers = itertools.count(1)
        self._featured_at = 0.0

    def fold(self, event: Event) -> None:
        """Take in the next event."""
        self.version += 1
        self.at = max(self.at, event.at)
        match event:
            case Began():
                vars(self).update(
                    vars(State()), version=self.version, at=event.at
                )  # another session: nothing of the last one
                self.began, self.threshold = event, event.threshold
                self.curve = tuple(sorted(event.curve, key=lambda point: point.threshold))
                self.boards = {port: Board(port, event.threshold) for port in event.ports}
            case Connected():
                board = self._board(event.port)
                board.connected, board.link, board.detail = event, "up", ""
            case Link():
                board = self._board(event.port)
                board.link, board.detail = event.state, event.detail
            case Sampled():
                shown = self._shown(event.port, event.sample, event.at)
                shown.label, shown.name, shown.codes = event.label, event.name, event.codes
            case Decided():
                shown = self._shown(event.port, event.sample, event.at)
                shown.board_class, shown.score, shown.accepted = event.board_class, event.score, event.accepted
                shown.stage, shown.steps = "decided", event.steps
            case ConsentAsked():
                shown = self._shown(event.port, event.sample, event.at)
                shown.board_class, shown.score, shown.accepted = event.board_class, event.score, False
                shown.stage, shown.until, shown.asked_at = "asking", event.until, event.at
            case ConsentGiven():
                shown = self._shown(event.port, event.sample, event.at)
                shown.stage, shown.consent = "decided", event
            case Ended():
                self._end(event)
            case Moved():
                self._board(event.port).threshold = event.threshold
                if event.threshold != self.threshold:
                    self.since = Tally()
                self.threshold, self.moved_by = event.threshold, event.by
            case Health():
                self._board(event.port).health = event
            case Finished():
                self.finished = event
        self._feature(event.port if isinstance(event, Sampled | Decided | Ended) else None)

    @property
    def asking(self) -> list[Shown]:
        """Samples that wait for consent, the longest waiting first."""
        waiting = [board.current for board in self.boards.values() if board.current and board.current.stage == "asking"]
        return sorted(waiting, key=lambda shown: shown.until)

    @property
    def rate(self) -> float | None:
        """Samples per second that ended of late; None before there are two."""
        late = [at for at in self._endings if at > self.at - RATE_SECONDS]
        if len(self._endings) < 2:
            return None
        span = RATE_SECONDS if len(late) < len(self._endings) else self.at - self._endings[0]
        return len(late) / span if span > 0 else None

    @property
    def emulated(self) -> bool:
        """Whether any board is an emulated one."""
        return any(board.connected is not None and board.connected.emulated for board in self.boards.values())

    def latency(self) -> dict[str, Percentiles]:
        """Percentiles by stage in milliseconds over the last TIMED samples, in the order of host.latency.STAGES. A wait
        for consent is in the sums, and in no stage."""
        found: dict[str, list[float]] = {stage: [] for stage in STAGES}
        for _, times in self._times:
            for stage, milliseconds in times.items():
                found.setdefault(stage, []).append(milliseconds)
        return {stage: percentiles(durations) for stage, durations in found.items() if durations}

    def split(self) -> dict[str, dict[str, float]]:
        """Mean milliseconds by part of the last TIMED samples, of those that the "board" answered and of those that the
        "host" did; means add up to the mean of the whole, which percentiles do not. Time in no stage is WAITING.
        Samples that fell back are in neither: theirs is the board's deadline and nothing else."""
        means = {}
        for source in ("board", "host"):
            times = [times for by, times in self._times if by == source]
            if times:
                parts = {part: sum(of.get(part, 0.0) for of in times) / len(times) for part in PARTS}
                rest = sum(of["total"] for of in times) / len(times) - sum(parts.values())
                means[source] = {part: mean for part, mean in parts.items() if any(part in of for of in times)}
                means[source] |= {WAITING: rest} if rest > 1e-6 else {}
        return means

    def _board(self, port: str) -> Board:
        return self.boards.setdefault(port, Board(port, self.threshold))

    def _shown(self, port: str, sample: int, at: float) -> Shown:
        """The sample that the board has, or a new one: a board with a source of its own is not sent any."""
        board = self._board(port)
        if board.current is None or board.current.sample != sample or board.current.stage == "ended":
            board.current = Shown(next(self._numbers), at, port, sample)
        return board.current

    def _feature(self, port: str | None) -> None:
        """Change the sample to show if it is time to; `port` is the board that has got on with one."""
        before, asking = self.featured, self.asking
        if asking:
            self.featured = asking[0]
        elif port is not None and (current := self.boards[port].current) is not None:
            shown_for = self.at - self._featured_at
            if before is None or shown_for >= (FEATURED_SECONDS if before.stage == "ended" else STUCK_SECONDS):
                self.featured = current
        if self.featured is not before:
            self._featured_at = self.at

    def _end(self, event: Ended) -> None:
        outcome = event.outcome
        shown = self._shown(event.port, outcome.sample, event.at)
        shown.stage, shown.outcome, shown.label, shown.name = "ended", outcome, outcome.label, outcome.name
        if outcome.board_class is not None:
            shown.board_class, shown.score, shown.accepted = outcome.board_class, outcome.score, outcome.accepted
            shown.steps = outcome.steps
        if outcome.lost is None and "result" in outcome.seconds:
            times = stages(outcome, event.board_hz)
            shown.milliseconds = times["total"]
            self._times.append((outcome.source, times))
        if not outcome.accepted:
            self.abstained.append(shown)
        self._endings.append(event.at)
        for tally in (self.total, self.window, self.since, self._board(event.port).tally):
            tally.count(outcome)
        self._window.append(outcome)
        if len(self._window) > WINDOW:
            self.window.count(self._window.popleft(), times=-1)
        if self.total.samples % self._stride == 0:
            window = self.window
            self.course.append(Mark(self.total.samples, window.coverage, window.base_accuracy, window.hybrid_accuracy))
        if len(self.course) > COURSE_MAX:
            self._stride *= 2
            self.course = [mark for mark in self.course if mark.samples % self._stride == 0]


def operating_point(curve: Sequence[Point], threshold: int) -> Point | None:
    """What the curve promises of a threshold; None without a curve. The curve is in the order of its thresholds, each
    of them a score that came up, so a threshold between two does what the higher one does, and one above all accepts
    nothing."""
    if not curve:
        return None
    above = bisect.bisect_left(curve, threshold, key=lambda point: point.threshold)
    return curve[above] if above < len(curve) else Point(threshold, 0.0, 0.0)


def step(curve: Sequence[Point], threshold: int, share: float) -> int:
    """The threshold with at least `share` more coverage on the curve than this one, less if it is negative, and no more
    of a change than it takes. Without a curve as if scores were uniform in 0 .. 1."""
    if not curve:
        return min(max(threshold - round(share * ONE), 0), NOTHING)
    now = operating_point(curve, threshold)
    assert now is not None
    ends = (Point(0, 1.0, 0.0), *curve, Point(NOTHING, 0.0, 0.0))
    far = [point for point in ends if (point.coverage - now.coverage) / share >= 1 - 1e-9]
    if not far:
        return 0 if share > 0 else NOTHING
    return min(far, key=lambda point: abs(point.coverage - now.coverage)).threshold
