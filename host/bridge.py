"""The bridge: samples down to the board, abstained ones up to the large model, its answers back down.

    bridge = Bridge(link, large, feed.of(manifest), reply_seconds=7.0)
    outcome = bridge.stream(Sample(index=0, label=3, codes=b"..."))

One sample at a time, as host.messages.sample and host.messages.stream describe. Every sample ends either answered, by the board, by the host or
by the board's fallback, or lost with a reason. The number that a sample has on the wire is new for each attempt in
each session, so that nothing left over from another sample can be taken for its answer.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Final

from contract.gate import to_code, to_probability
from host.backend import LargeModel
from host.feed import Feed
from host.frame import OVERHEAD
from host.link import Link
from host.messages.sample import Answer, Reason, Refused, Result, Source, Uplink
from host.messages.sample import Final as FinalMessage
from host.messages.stream import Step

BUSY_SECONDS: Final = 0.05
"""Pause before a sample is offered again to a board that still waits for an earlier session's answer."""


@dataclass(frozen=True)
class Sample:
    """One sample; `codes` are its quantised inputs as the model takes them, of a sequence all its frames.

    `label` is None if nobody knows the class. `name` is the file that it is from, None for one of the test split.
    """

    index: int
    label: int | None
    codes: bytes
    name: str | None = None


@dataclass
class Outcome:
    """What became of a sample: one line of session.jsonl. A field is None if the sample was lost before it was known.

    `large_class` is what the large model said of an abstained sample, `answer` what the board ended with. `source` is
    "board" (accepted), "host" (the large model's answer) or "fallback" (the board's own, since no answer came in time).
    `threshold` is what was in force, `queried` that it was above every score in order to see the large model's answer, and
    `experts` how many thresholds the session's policy (host.policy) had to choose from after it.
    `steps` is how many frames of a sequence the board had taken when it decided, or when the sample was lost; 0 for a model
    without state.
    `seconds` are on the host's clock, from the first byte of the sample on: `result` when RESULT was in, `uplink` when
    the whole abstained sample was, `large` when the large model had answered, `final` when FINAL was in.
    """

    sample: int
    label: int | None
    board_class: int | None = None
    score: int | None = None
    accepted: bool | None = None
    large_class: int | None = None
    answer: int | None = None
    probability: float | None = None
    source: str | None = None
    lost: str | None = None
    infer_cycles: int | None = None
    gate_cycles: int | None = None
    wait_cycles: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    bytes_sent: int = 0
    bytes_received: int = 0
    uplink_bytes: int = 0
    steps: int = 0
    name: str | None = None
    threshold: int | None = None
    queried: bool = False
    experts: int | None = None


class Bridge:
    """Streams samples over a link. `reply_seconds` must be longer than the board's deadline, which ends every wait."""

    def __init__(self, link: Link, large: LargeModel, feed: Feed, reply_seconds: float) -> None:
        self._link = link
        self._large = large
        self._feed = feed
        self._reply_seconds = reply_seconds
        self._next = secrets.randbelow(1 << 32)

    def stream(self, sample: Sample) -> Outcome:
        """Send one sample and see it through. Raises HostError only if the port is gone."""
        give_up = time.monotonic() + self._reply_seconds
        while True:
            outcome = self._attempt(sample)
            busy = outcome.lost == _refusal(Reason.BUSY)
            if not busy or time.monotonic() > give_up:
                return outcome
            time.sleep(BUSY_SECONDS)

    def _attempt(self, sample: Sample) -> Outcome:
        number, self._next = self._next, (self._next + 1) % (1 << 32)
        outcome = Outcome(sample.index, sample.label, name=sample.name)
        sent, received, start = self._link.bytes_sent, self._link.bytes_received, time.monotonic()
        self._link.send(*self._feed.requests(number, sample.codes, 0))
        self._follow(number, sample.codes, outcome, start)
        outcome.bytes_sent = self._link.bytes_sent - sent
        outcome.bytes_received = self._link.bytes_received - received
        return outcome

    def _follow(self, number: int, sent: bytes, outcome: Outcome, start: float) -> None:
        """Take what the board says about sample `number`, whose codes are `sent`, until it has ended, and feed it the rest;
        anything about another is passed over."""
        codes = b""
        deadline = time.monotonic() + self._reply_seconds
        while (message := self._link.receive(deadline)) is not None:
            now = time.monotonic() - start
            match message:
                case Step(sample=of, steps=steps) if of == number and steps > outcome.steps:
                    outcome.steps = steps
                    self._link.send(*self._feed.requests(number, sent, steps))
                    deadline = time.monotonic() + self._reply_seconds
                case Result(sample=of) if of == number:
                    outcome.seconds["result"] = now
                    _take_result(outcome, message)
                    if message.accepted:
                        return
                case Uplink(sample=of) if of == number:
                    outcome.uplink_bytes += len(message.encode()) + OVERHEAD + 2
                    # After a lost piece the rest does not fit: no answer then, and the board falls back on its own.
                    if message.offset == len(codes) and message.total == len(sent):
                        codes += message.data
                    if len(codes) == len(sent):
                        outcome.seconds["uplink"] = now
                        self._answer(number, codes, outcome, start)
                        codes = b""
                    deadline = time.monotonic() + self._reply_seconds
                case FinalMessage(sample=of) if of == number:
                    outcome.seconds["final"] = now
                    _take_final(outcome, message)
                    return
                case Refused(sample=of, type=type_, reason=reason) if of == number and type_ != Answer.TYPE:
                    outcome.lost = _refusal(reason)
                    return
        missing = self._feed.answers if outcome.board_class is None else "FINAL"
        outcome.lost = f"no {missing} within {self._reply_seconds:g} s"

    def _answer(self, number: int, codes: bytes, outcome: Outcome, start: float) -> None:
        """Ask the large model about the sample as the board sent it, and reply."""
        probabilities = self._large.classify(self._feed.values(codes))[0]
        class_index = int(probabilities.argmax())
        outcome.large_class = class_index
        outcome.seconds["large"] = time.monotonic() - start
        self._link.send(Answer(number, class_index, to_code(float(probabilities[class_index]))))


def _take_result(outcome: Outcome, result: Result) -> None:
    outcome.board_class, outcome.score, outcome.accepted = result.class_index, result.score, result.accepted
    outcome.infer_cycles, outcome.gate_cycles, outcome.steps = result.infer_cycles, result.gate_cycles, result.steps
    if result.accepted:
        outcome.answer, outcome.probability = result.class_index, to_probability(result.score)
        outcome.source = Source.BOARD.name.lower()


def _take_final(outcome: Outcome, final: FinalMessage) -> None:
    if outcome.board_class is None:
        outcome.lost = "RESULT did not arrive"
        return
    if final.source is Source.HOST and final.class_index != outcome.large_class:
        outcome.lost = f"FINAL carries class {final.class_index}, the large model's answer was {outcome.large_class}"
        return
    outcome.answer, outcome.probability = final.class_index, to_probability(final.probability)
    outcome.source, outcome.wait_cycles = final.source.name.lower(), final.wait_cycles


def _refusal(reason: Reason) -> str:
    return f"the board refused it: {reason.name.lower().replace('_', ' ')}"
