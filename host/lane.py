"""One board of a session: its link through unplugging and resets, its settings, the samples that it takes.

    lane = Lane(endpoint, session)
    lane.open()                                                 # raises HostError
    lane.ask(large)
    threading.Thread(target=lane.run).start()

Each lane takes the next sample when its board is free, so boards share the work by their speed. A port that is gone, or
a board that was reset, costs time and no sample: the lane opens it again, puts the session's settings in force and
streams the sample anew. What happens becomes events (host.events); a lane that gives up leaves its error in `error`.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from boards import Board
from contract.errors import NO_DEVICE
from contract.manifest import Manifest
from host.backend import LargeModel
from host.bridge import NO_SAMPLE, Bridge, Outcome, Sample
from host.clock import ClockOffset
from host.consent import Rule
from host.control import Control
from host.endpoint import Endpoint
from host.errors import HostError
from host.events import (
    Connected,
    ConsentAsked,
    ConsentGiven,
    Decided,
    Ended,
    Event,
    Health,
    Moved,
    Sampled,
)
from host.events import Link as LinkEvent
from host.feed import Feed
from host.link import Disconnected, Link, SessionLost, connect
from host.messages.session import CycleSource, Hello
from host.messages.statistics import Statistics, StatisticsRequest
from host.policy import Policy, Turn
from host.port import open_port

REPLY_MARGIN: Final = 3.0
"""Seconds that the host waits beyond the board's deadline before a sample counts as lost."""

FIRST_PAUSE: Final = 0.2
"""Seconds before a port that is gone is tried again; twice as many before each further attempt."""

LONGEST_PAUSE: Final = 2.0

ATTEMPTS: Final = 3
"""How often one sample may lose its board before it is the sample that is given up."""

HEALTH_SECONDS: Final = 0.5
"""Between two reports on a link, and two looks at the board's clock."""


@dataclass(frozen=True)
class Session:
    """What the lanes of a session share. `take` gives the next sample, None at their end; `vector` says which one of
    the test split a board has taken itself, and its class (host.source); `say` takes an event; `now` is seconds since
    the session began. The policy is guarded by `turn`."""

    manifest: Manifest
    board: Board
    feed: Feed
    policy: Policy
    turn: threading.Lock
    consent: Rule
    deadline_seconds: float
    control: Control
    reconnect_seconds: float
    take: Callable[[], Sample | None]
    vector: Callable[[Hello, int], tuple[int, int] | None]
    say: Callable[[Event], None]
    now: Callable[[], float]


@dataclass
class LinkTotals:
    """Of a link since the session began, over all its connections."""

    bytes_sent: int = 0
    bytes_received: int = 0
    frames_received: int = 0
    lost: int = 0
    damaged: int = 0
    unknown: int = 0
    stale: int = 0
    repeated: int = 0


class Lane:
    """`error` is why it ended before its samples did, None if it did not; `hello` who the board is. `counted` is what
    the board counted during the session; what it counted before a reset is not known."""

    def __init__(self, endpoint: Endpoint, session: Session) -> None:
        self.endpoint, self.name = endpoint, endpoint.name
        self.error: HostError | None = None
        self.bug: Exception | None = None
        self.hello: Hello | None = None
        self.counted: dict[str, int] = {}
        self.reconnected = 0
        self._session = session
        self._link: Link | None = None
        self._bridge: Bridge | None = None
        self._before: Statistics | None = None
        self._closed = LinkTotals()  # of the connections that are over
        self._moved: tuple[int, str] | None = None
        self._next_health = 0.0
        self._clock: ClockOffset | None = None
        self._threshold = session.policy.final

    def open(self) -> None:
        """Connect with the board and put the session's settings in force. Raises HostError: no such port, silent, not
        the board or model expected."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._open()
            except HostError as error:
                self.close()
                if attempt < ATTEMPTS and isinstance(error, Disconnected | SessionLost):
                    continue  # it was there, and was lost again at once
                self.error = error
                raise
            else:
                return

    def ask(self, large: LargeModel) -> None:
        """Who answers what the board abstains from."""
        self._large = large

    def run(self) -> None:
        """Until there are no more samples, the session is stopped, or the board is gone for good."""
        try:
            for sample in self._samples():
                self._say(Sampled(self._now(), self.name, sample.index, sample.label, sample.name, sample.codes))
                outcome = self._see_through(sample)
                if outcome.lost == NO_SAMPLE:  # and the session is to end: nothing was taken, so nothing is lost
                    break
                self._say(Ended(self._now(), self.name, outcome, self.board_hz))
                if self.error is not None:
                    raise self.error
                self._report()
            self.leave()
        except HostError as error:
            self.error = error
            self._say(LinkEvent(self._now(), self.name, "gone", error.problem))
        except Exception as bug:  # not foreseen: whoever runs the session is to see it
            self.bug = bug
            self._session.control.stop()
        finally:
            self.close()

    @property
    def emulated(self) -> bool:
        """Whether cycles are an emulator's: of one that was booted here, or by the board's own word."""
        return self.endpoint.runner is not None or (
            self.hello is not None and self.hello.cycle_source is CycleSource.SYSTICK
        )

    @property
    def board_hz(self) -> float | None:
        """What the board's cycles count, None if they are instructions."""
        return None if self.emulated or self.hello is None else float(self.hello.clock_hz)

    @property
    def clock(self) -> ClockOffset | None:
        """The board's clock beside this one; None of an emulated board, whose clock counts instructions, or before a
        look at it."""
        return self._clock if self._clock is not None and self._clock.known else None

    @property
    def totals(self) -> LinkTotals:
        if self._link is None:
            return self._closed
        return _sum(self._closed, self._link)

    # The samples.

    def _samples(self) -> Iterator[Sample]:
        while not self._session.control.stopping and (sample := self._session.take()) is not None:
            yield sample

    def _see_through(self, sample: Sample) -> Outcome:
        """The outcome of a sample at the policy's threshold, of which the policy learns."""
        session = self._session
        with session.turn:
            turn = session.policy.turn()
        outcome = self.stream(sample, turn)
        if outcome.score is not None and outcome.board_class is not None:
            with session.turn:
                session.policy.learn(turn, outcome.score, outcome.board_class, outcome.large_class)
                outcome.experts = len(session.policy.left)
        return outcome

    def stream(self, sample: Sample, turn: Turn) -> Outcome:
        """The outcome of a sample, whatever its board goes through meanwhile; `error` is set if it is gone for good."""
        before: list[Outcome] = []  # what earlier attempts came to
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._put(turn)
                outcome = self._bridge_to(self._link).stream(sample)
                while outcome.lost == NO_SAMPLE and not self._session.control.stopping:
                    self._report()
                    outcome = self._bridge_to(self._link).stream(sample)
                break
            except (Disconnected, SessionLost) as error:
                if self._bridge is not None and self._bridge.unfinished is not None:
                    before.append(self._bridge.unfinished)
                outcome = Outcome(sample.index, sample.label, name=sample.name, lost=error.problem)
                gone_with_it = not sample.codes and bool(before)  # the next one of its source is another sample
                if gone_with_it:
                    outcome = before.pop()
                    outcome.lost = f"the board was lost, and this sample of its own with it: {error.problem}"
                try:
                    self._open_again(error)
                except HostError as gone:
                    self.error = gone
                    break
                if gone_with_it:
                    break
                if attempt == ATTEMPTS:
                    outcome.lost = f"the board was lost {ATTEMPTS} times: {error.problem}"
        for of in before:  # what left the board has left it, whatever came after
            outcome.sent_up = outcome.sent_up or of.sent_up
            outcome.granted = of.granted if outcome.granted is None else outcome.granted
            outcome.uplink_bytes += of.uplink_bytes
            outcome.repeats += of.repeats
        outcome.port = self.name
        outcome.threshold, outcome.queried = self._threshold, turn.queried
        return outcome

    def _bridge_to(self, link: Link | None) -> Bridge:
        """One for each connection, whose samples it numbers."""
        assert link is not None
        if self._bridge is None:
            session = self._session
            reply = session.deadline_seconds + REPLY_MARGIN
            self._bridge = Bridge(link, self._large, session.feed, reply, decided=self._decided, arrived=self._arrived,
                                  consent=self._consent)  # fmt: skip
        return self._bridge

    def _decided(self, outcome: Outcome) -> None:
        assert self.hello is not None
        if outcome.origin is not None and (found := self._session.vector(self.hello, outcome.origin)) is not None:
            outcome.vector, outcome.label = found
            self._say(Sampled(self._now(), self.name, outcome.sample, outcome.label, outcome.name, b""))
        assert outcome.board_class is not None and outcome.score is not None
        self._say(
            Decided(self._now(), self.name, outcome.sample, outcome.board_class, outcome.score, bool(outcome.accepted), outcome.steps)
        )  # fmt: skip

    def _arrived(self, outcome: Outcome, codes: bytes) -> None:
        """A sample of the board's own has come up."""
        self._say(Sampled(self._now(), self.name, outcome.sample, outcome.label, outcome.name, codes))

    def _consent(self, outcome: Outcome) -> bool:
        """Whether a sample that its board holds may leave; asks for as long as the board waits."""
        session, rule = self._session, self._session.consent
        assert outcome.board_class is not None and outcome.score is not None
        granted, by = rule.says(outcome.board_class), "policy"
        if granted is None:
            until = self._now() + rule.seconds
            self._say(ConsentAsked(self._now(), self.name, outcome.sample, outcome.board_class, outcome.score, until))
            granted, by = session.control.wait_consent(self.name, outcome.sample, rule.seconds) or (False, "nobody")
        self._say(ConsentGiven(self._now(), self.name, outcome.sample, granted, by))
        return granted

    # The settings.

    def _put(self, turn: Turn) -> None:
        """The threshold for the next sample: the policy's, unless a person has moved it."""
        moved, threshold = self._session.control.moved, turn.threshold
        if moved is not None and not turn.queried:
            threshold = moved[0]
        if threshold == self._threshold:
            return
        assert self._link is not None
        self._link.configure(threshold=threshold)
        self._threshold = threshold
        if moved is not None and moved != self._moved:
            self._moved = moved
            self._say(Moved(self._now(), self.name, threshold, moved[1]))

    def _configure(self, link: Link) -> None:
        """Put the session's settings in force, on a board that has those of its build. It holds on to stricter consent
        of its own."""
        consent = self._session.consent
        link.configure(
            threshold=self._threshold,
            deadline_ms=self._board_ms(link.hello, round(self._session.deadline_seconds * 1e3)),
            consent=consent.mode,
            consent_ms=self._board_ms(link.hello, round(consent.seconds * 1e3)),
        )

    def _board_ms(self, hello: Hello, milliseconds: int) -> int:
        """So many milliseconds as the board counts them. An emulated time base runs at its machine's frequency whatever
        clock the firmware could configure, so such a board is fast or slow by the ratio of the two."""
        runner = self.endpoint.runner
        return (
            milliseconds
            if runner is None
            else round(milliseconds * runner.ticks_hz(self._session.board) / hello.clock_hz)
        )

    # The link.

    def _open(self) -> None:
        session, url = self._session, self.endpoint.url()
        self._link = connect(
            open_port(url, session.board.uart.baud), self.name, session.board.name, session.manifest.hash
        )
        hello = self.hello = self._link.hello
        self._configure(self._link)
        self._count()
        self._clock = ClockOffset(hello.clock_hz)
        self._say(
            Connected(
                self._now(),
                self.name,
                hello.board,
                hello.firmware,
                hello.engine.name.lower(),
                hello.clock_hz,
                self.emulated,
            )
        )
        self._say(LinkEvent(self._now(), self.name, "up", ""))

    def _open_again(self, cause: HostError) -> None:
        """After the port was gone, or the board reset. Raises HostError if it is not back in time, or another board
        is."""
        session = self._session
        self._say(LinkEvent(self._now(), self.name, "down", cause.problem))
        self.close()
        give_up, pause = time.monotonic() + session.reconnect_seconds, FIRST_PAUSE
        while True:
            try:
                self._open()
            except HostError as error:
                self.close()
                if error.exit_code != NO_DEVICE or time.monotonic() + pause > give_up or session.control.stopping:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.reconnected += 1
                return

    def leave(self) -> None:
        """Leave the policy's last threshold on the board, and take its counters."""
        final = self._session.policy.final
        moved = self._session.control.threshold
        with contextlib.suppress(Disconnected, SessionLost):
            assert self._link is not None
            self._link.configure(threshold=final if moved is None else moved)
            self._count()
        self._report(now=True)

    def _count(self) -> None:
        """What the board counted since it was asked last. Counters that went back are those of a board that was
        reset."""
        assert self._link is not None
        now, before = self._link.request(StatisticsRequest(), Statistics), self._before
        for name, value in vars(now).items():
            was = getattr(before, name) if before is not None else value
            self.counted[name] = self.counted.get(name, 0) + (value - was if value >= was else value)
        self._before = now

    def close(self) -> None:
        if self._link is not None:
            self._closed = self.totals
            self._link.close()
            self._link = self._bridge = None

    def _report(self, now: bool = False) -> None:
        """The link's health, and the board's clock, now and then."""
        at = self._now()
        if self._link is None or (at < self._next_health and not now):
            return
        self._next_health = at + HEALTH_SECONDS
        if self._clock is not None and not self.emulated:
            with contextlib.suppress(Disconnected, SessionLost):
                self._clock.add(*self._link.ping())
        totals = self.totals
        self._say(
            Health(
                at=at,
                port=self.name,
                bytes_sent=totals.bytes_sent,
                bytes_received=totals.bytes_received,
                frames_received=totals.frames_received,
                damaged=totals.damaged,
                repeated=totals.repeated,
                reconnected=self.reconnected,
                round_trip=self._link.round_trip,
                offset=None if self.clock is None else self.clock.seconds,
            )
        )

    def _say(self, event: Event) -> None:
        self._session.say(event)

    def _now(self) -> float:
        return self._session.now()


def _sum(closed: LinkTotals, link: Link) -> LinkTotals:
    counters = link.counters
    return LinkTotals(
        bytes_sent=closed.bytes_sent + link.bytes_sent,
        bytes_received=closed.bytes_received + link.bytes_received,
        frames_received=closed.frames_received + counters.received,
        lost=closed.lost + counters.lost,
        damaged=closed.damaged + counters.damaged,
        unknown=closed.unknown + link.unknown_type + link.malformed,
        stale=closed.stale + counters.stale,
        repeated=closed.repeated + link.repeated,
    )
