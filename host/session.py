"""One session: samples of a source through one or several boards, with the large model behind them.

    summary = run(Options(run=RunFolder(Path("runs/digits")), board=load("nucleo"), ports=("emulator",)))

A thread for each board (host.lane) says what happens; this one gives every event to the log, session.jsonl, and to the
views, and sums up. Writes summary.json at its end, also when it is interrupted.
"""

import contextlib
import datetime
import itertools
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final

import numpy as np

from boards import Board
from contract import manifest as manifests
from contract.manifest import Manifest
from contract.run_folder import RunFolder
from host import backend, feed, recording, source, summary
from host import policy as policies
from host.backend import LargeModel, NoAnswer
from host.batcher import DEADLINE_SECONDS, Batcher, Statistics
from host.bridge import Sample
from host.consent import Rule
from host.control import Control
from host.endpoint import endpoints
from host.errors import HostError
from host.events import Began, Ended, Event, Finished, Observer
from host.feed import Feed
from host.lane import Lane, Session
from host.messages.session import Hello
from host.messages.settings import DEFAULT_DEADLINE_MS, Consent
from host.operating_points import curve
from host.policy import Policy
from host.recording import Recorder
from host.source import Source
from host.summary import BoardPart, Clock, LinkErrors, Played, Summary, Traffic
from host.tally import Counts
from host.view import View

WAIT_SECONDS: Final = 0.1
"""For an event, before the threads are looked at again."""

CHUNK: Final = 256
"""Samples that the large model gets at once when it answers alone."""


@dataclass(frozen=True)
class Options:
    """What to run. `ports` are as in host.endpoint; `emulator` is the one of the port "emulator".

    `threshold` is a score code, None for the manifest's; `limit` streams only the first samples. `source` is where
    samples come from (host.source). `large` is the large model (host.backend). `per_push` is how many frames go to a
    recurrent model at once, None for one of a source, which is as if they came from a sensor, and for as many as fit of
    the test split. `policy` is one of host.policy.POLICIES, whose settings are `play`; its threshold is the manifest's,
    or `threshold`. `faults` damages what goes over the links (host.faults). An abstained sample waits for the large
    model for `deadline_seconds`. A port that is gone is tried for `reconnect_seconds`.
    """

    run: RunFolder
    board: Board
    ports: tuple[str, ...]
    limit: int | None = None
    threshold: int | None = None
    large: str = backend.OWN
    emulator: str = "qemu"
    source: str = source.TEST
    per_push: int | None = None
    policy: str = policies.FIXED
    play: policies.Settings = field(default_factory=policies.Settings)
    consent: Rule = field(default_factory=Rule)
    faults: str | None = None
    deadline_seconds: float = DEFAULT_DEADLINE_MS / 1e3
    reconnect_seconds: float = 30.0


def run(options: Options, views: Sequence[View] = (), control: Control | None = None) -> Summary:
    """Stream the samples and sum up. Raises HostError or ManifestError for whatever stands in the way; a board that is
    lost on the way is raised once the summary is written, if no other one went on, and so is a source that fails on the
    way."""
    manifest = manifests.load(options.run.manifest)
    threshold = manifest.gate.threshold if options.threshold is None else options.threshold
    fed = feed.of(manifest, options.per_push or (1 if options.source != source.TEST and manifest.stream else None))
    if options.policy != policies.FIXED and manifest.stream is not None:
        raise HostError(
            f"{manifest.name}: the model is recurrent, and the policy {options.policy!r} is for models without state: what another "
            "threshold had decided is not known after the board's decision.",
            f"Leave --policy out, or take {policies.FIXED!r}.",
        )
    policy = policies.make(options.policy, replace(options.play, threshold=threshold))
    size = _size(options)  # before the samples are streamed: a damaged report should not cost a session
    control = control or Control()
    events: SimpleQueue[Event] = SimpleQueue()
    with (
        contextlib.closing(source.open(options.source, options.run, manifest)) as samples,
        endpoints(options.ports, options.board, options.run, options.emulator, options.faults) as places,
        contextlib.ExitStack() as stack,
    ):
        turns = _Turns(samples, options.limit, control)
        session = _session(options, manifest, fed, policy, control, turns.take, samples.vector, events.put)
        lanes = [stack.enter_context(contextlib.closing(Lane(place, session))) for place in places]
        _connect(lanes)
        open_lanes = [lane for lane in lanes if lane.error is None]
        samples.connected({lane.name: lane.hello for lane in open_lanes if lane.hello is not None})
        large = backend.load(options.large, options.run, manifest)
        tally = _Tally(options, manifest, samples)
        answers = Batcher(large, most=len(open_lanes), deadline_seconds=answer_seconds(options))
        with Recorder(options.run.session) as log, answers as batcher, _interruptible(control) as interrupted:
            observers: tuple[Observer, ...] = (log, *views, tally)
            _tell(observers, _began(options, manifest, threshold, [lane.name for lane in lanes], samples))
            for lane in open_lanes:
                lane.ask(batcher)
            _stream(open_lanes, events, observers, control, samples)
            alone = _alone(options, tally, large, fed, control)
            result = tally.summary(lanes, policy, threshold, size, batcher.statistics, alone, interrupted.is_set())
            summary.save(result, options.run.summary)
            _tell(observers, Finished(session.now(), result.interrupted, json.loads(summary.to_json(result))))
        for lane in lanes:
            if lane.bug is not None:
                raise lane.bug
        if result.interrupted:
            return result
        if turns.error is not None:
            raise turns.error
        gone = [lane.error for lane in lanes if lane.error is not None]
        if len(gone) == len(lanes):
            raise gone[0]
    return result


@contextlib.contextmanager
def one_board(options: Options, large: LargeModel | None = None) -> Iterator[Lane]:
    """One board, connected, for who streams samples as he likes: `lane.stream(sample, Turn(threshold))`; `large` in
    place of what the options name. Raises HostError for several."""
    manifest = manifests.load(options.run.manifest)
    fed = feed.of(manifest, options.per_push)
    policy = policies.make(policies.FIXED, policies.Settings(threshold=manifest.gate.threshold))
    session = _session(
        options, manifest, fed, policy, Control(), lambda: None, lambda hello, origin: None, lambda event: None
    )
    with endpoints(options.ports, options.board, options.run, options.emulator, options.faults) as places:
        if len(places) != 1:
            raise HostError(f"{len(places)} boards, expected one.", "Name one port with --port.")
        with contextlib.closing(Lane(places[0], session)) as lane:
            lane.open()
            large = large or backend.load(options.large, options.run, manifest)
            with Batcher(large, most=1, deadline_seconds=answer_seconds(options)) as batcher:
                lane.ask(batcher)
                yield lane


def _session(
    options: Options,
    manifest: Manifest,
    fed: Feed,
    policy: Policy,
    control: Control,
    take: Callable[[], Sample | None],
    vector: Callable[[Hello, int], tuple[int, int] | None],
    say: Callable[[Event], None],
) -> Session:
    """What lanes share; its time begins now."""
    start = time.monotonic()
    return Session(
        manifest=manifest,
        board=options.board,
        feed=fed,
        policy=policy,
        turn=threading.Lock(),
        consent=options.consent,
        deadline_seconds=options.deadline_seconds,
        control=control,
        reconnect_seconds=options.reconnect_seconds,
        take=take,
        vector=vector,
        say=say,
        now=lambda: time.monotonic() - start,
    )


def _connect(lanes: Sequence[Lane]) -> None:
    """Open all lanes at once. Raises the first one's HostError if none of them has a board, and says those of the
    others."""

    def open_one(lane: Lane) -> None:
        with contextlib.suppress(HostError):
            lane.open()

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(open_one, lanes))
    errors = [lane.error for lane in lanes if lane.error is not None]
    if len(errors) == len(lanes):
        raise errors[0]
    for error in errors:
        print(f"without a board: {error}", file=sys.stderr)


def answer_seconds(options: Options) -> float:
    """How long the large model may take: the rest of the board's deadline is for the link."""
    return options.deadline_seconds * DEADLINE_SECONDS / (DEFAULT_DEADLINE_MS / 1e3)


def _stream(
    lanes: Sequence[Lane],
    events: "SimpleQueue[Event]",
    observers: Sequence[Observer],
    control: Control,
    samples: Source,
) -> None:
    """Run the lanes to their end and tell the observers what happens."""
    # Daemons, so that a program that is to end does, whatever a board does.
    threads = [threading.Thread(target=lane.run, name=lane.name, daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        running = True
        while running:
            running = any(thread.is_alive() for thread in threads)
            with contextlib.suppress(Empty):
                while True:
                    _tell(observers, events.get(timeout=WAIT_SECONDS if running else 0))
            if control.stopping:
                samples.close()
    except BaseException:
        control.stop()
        samples.close()
        raise


@contextlib.contextmanager
def _interruptible(control: Control) -> Iterator[threading.Event]:
    """The first Ctrl-C stops the session, in between two instructions of the main thread, so that no line of the log is cut, and sets the event;
    the second ends the program at once."""
    interrupted = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        print("interrupted: the summary covers the samples until now", file=sys.stderr)
        interrupted.set()
        control.stop()

    if threading.current_thread() is not threading.main_thread():  # nobody else gets signals
        yield interrupted
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as a shell's background job, which Ctrl-C is not for
        signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(observers: Sequence[Observer], event: Event) -> None:
    for observer in observers:
        observer.show(event)


class _Turns:
    """The samples of a source, up to a limit, for several threads. A source that fails ends them, and the session with
    them."""

    def __init__(self, samples: Source, limit: int | None, control: Control) -> None:
        self.error: HostError | None = None
        self._samples: Iterator[Sample] = samples.samples()
        self._left = limit
        self._control = control
        self._lock = threading.Lock()

    def take(self) -> Sample | None:
        with self._lock:
            if self._left == 0 or self.error is not None:
                return None
            try:
                sample = next(self._samples, None)
            except HostError as error:
                if not self._control.stopping:  # whoever fed it may have been told to stop as well
                    self.error = error
                    self._control.stop()
                return None
            if self._left is not None and sample is not None:
                self._left -= 1
            return sample


class _Tally:
    """Counts the samples of the session, and those of each port."""

    def __init__(self, options: Options, manifest: Manifest, samples: Source) -> None:
        self._options, self._manifest, self._samples = options, manifest, samples
        self._online = options.policy != policies.FIXED
        self._counts = Counts(manifest.classes, course=self._online)
        self._ports: dict[str, Counts] = {}
        self.kept_back = False  # whether there was a labelled one that the large model may not see

    def show(self, event: Event) -> None:
        if not isinstance(event, Ended):
            return
        outcome = event.outcome
        wanted = self._samples.expected(outcome)
        self._counts.take(outcome, wanted, event.board_hz)
        self._of(event.port).take(outcome, wanted, event.board_hz)
        free = self._options.consent.mode is Consent.ALWAYS or outcome.sent_up
        self.kept_back = self.kept_back or (outcome.label is not None and not free)

    def _of(self, port: str) -> Counts:
        return self._ports.setdefault(port, Counts(self._manifest.classes))

    def summary(
        self,
        lanes: Sequence[Lane],
        policy: Policy,
        threshold: int,
        size: dict[str, Any] | None,
        calls: Statistics,
        alone: float | None,
        interrupted: bool,
    ) -> Summary:
        options, moved = self._options, self._counts.moved
        hellos = [lane.hello for lane in lanes if lane.hello is not None]
        emulated = any(lane.emulated for lane in lanes)
        return summary.summarise(
            name=self._manifest.name,
            board=options.board.name,
            engine=hellos[0].engine.name.lower(),
            source=self._samples.name,
            large=options.large,
            interrupted=interrupted,
            threshold=policy.final if self._online or moved is None else moved,
            consent=options.consent.mode.name.lower(),
            policy=Played(options.policy, options.play, policy.left) if self._online else None,
            counts=self._counts,
            large_accuracy=alone,
            large_calls=calls,
            latency_clock="host clock, emulated board" if emulated else "host clock; stage board: its cycle counter",
            instructions_per_cycle=_instructions_per_cycle(options, lanes),
            size=size,
            boards=[_part(lane, self._of(lane.name)) for lane in lanes],
        )


def _alone(options: Options, tally: _Tally, large: LargeModel, fed: Feed, control: Control) -> float | None:
    """How often the large model alone is right, given the very codes that boards got, as the log has them; None without
    labels or answers, if there was a sample that it may not see, or that only its board had, or if there is no time for
    it."""
    if tally.kept_back:
        return None
    right, count, stopped = 0, 0, control.stopping
    labelled = (sampled for sampled, outcome in recording.samples(options.run.session) if outcome.label is not None)
    try:
        while chunk := list(itertools.islice(labelled, CHUNK)):
            if not all(sampled.codes for sampled in chunk):
                return None
            answers = large.classify(np.concatenate([fed.values(sampled.codes) for sampled in chunk]))
            right += int((answers.argmax(axis=1) == [sampled.label for sampled in chunk]).sum())
            count += len(chunk)
            if control.stopping and not stopped:
                return None
    except NoAnswer:
        return None
    return right / count if count else None


def _began(options: Options, manifest: Manifest, threshold: int, ports: Sequence[str], samples: Source) -> Began:
    tensor, stream = manifest.inputs[0], manifest.stream
    low, high = (stream.low, stream.high) if stream else (0.0, 1.0)
    return Began(
        at=0.0,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        name=manifest.name,
        model_hash=f"{manifest.hash:016x}",
        ports=tuple(ports),
        source=samples.name,
        large=options.large,
        classes=manifest.classes,
        shape=tensor.shape,
        dtype=tensor.dtype,
        scale=tensor.scale,
        zero_point=tensor.zero_point,
        low=low,
        high=high,
        steps=stream.steps if stream else 0,
        score=manifest.gate.score,
        threshold=threshold,
        consent=options.consent.mode.name.lower(),
        policy=options.policy,
        samples=samples.count if options.limit is None else min(options.limit, samples.count or options.limit),
        curve=curve(options.run, manifest),
    )


def _part(lane: Lane, counts: Counts) -> BoardPart:
    totals, counted, clock = lane.totals, lane.counted, lane.clock

    def board(*names: str) -> int:
        return sum(counted.get(name, 0) for name in names)

    return summary.part(
        lane.name,
        lane.hello.firmware if lane.hello else None,
        counts,
        LinkErrors(
            host_lost=totals.lost,
            board_lost=board("frames_lost"),
            host_damaged=totals.damaged,
            board_damaged=board("crc_errors", "cobs_errors", "oversize"),
            host_unknown=totals.unknown,
            board_unknown=board("unknown_type"),
            board_overruns=board("receive_overruns"),
            stale=totals.stale,
            repeated=totals.repeated,
            reconnected=lane.reconnected,
        ),
        Traffic(totals.bytes_sent, totals.bytes_received, counts.uplink_bytes),
        None if clock is None else Clock(clock.seconds, clock.error, 1e6 * clock.drift),
        None if lane.error is None else lane.error.problem,
    )


def _instructions_per_cycle(options: Options, lanes: Sequence[Lane]) -> float | None:
    # Only an emulator booted here is known to count instructions; one behind socket:// may run by the clock.
    runners = [lane.endpoint.runner for lane in lanes if lane.emulated]
    return runners[0].instructions(options.board, 1.0) if runners and runners[0] and None not in runners else None


def _size(options: Options) -> dict[str, Any] | None:
    path = options.run.firmware(options.board.name) / "size.json"
    if not path.exists():
        return None
    again = f"Build the firmware again: python -m firmware build --run {options.run.path} --board {options.board.short_name}."
    try:
        size: dict[str, Any] = json.loads(path.read_text())
        return {key: int(size[key]) for key in ("flash_bytes", "ram_bytes")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HostError(f"{path}: not a size report ({type(error).__name__}: {error}).", again) from None
