"""The bridge: samples down to the board, abstained ones up to the large model, its answers back down.

    bridge = Bridge(link, large, feed.of(manifest), reply_seconds=7.0)
    outcome = bridge.stream(Sample(index=0, label=3, codes=b"..."))

One sample at a time, as host.messages.sample and host.messages.stream describe. Every sample ends either answered, by
the board, by the host or by the board itself for want of another answer, or lost with a reason. The number that a
sample has on the wire is new for each sample of a session, so that nothing left over from another one can be taken for
its answer.

What the host says next depends on nothing but what it knows of the sample, and what it says may be said again. So a
line that loses frames costs time and nothing else: what is not answered in time (host.timer), or answered by a damaged
frame, is said again. On a bad line the pieces of a sample get smaller, since a short frame gets through more often than
a long one.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contract.errors import NO_DEVICE
from contract.gate import to_code, to_probability
from host.backend import LargeModel, NoAnswer
from host.feed import Feed
from host.frame import OVERHEAD, PAYLOAD_MAX
from host.link import Disconnected, Link
from host.messages.sample import (
    Answer,
    Capture,
    Decline,
    Infer,
    Load,
    Loaded,
    Reason,
    Refused,
    Release,
    Resend,
    Result,
    Source,
    Stage,
    Uplink,
)
from host.messages.sample import Final as FinalMessage
from host.messages.stream import Step
from host.messages.wire import Message

WIRE_OVERHEAD: Final = OVERHEAD + 2
"""Bytes of a frame on the wire beside its payload: header, CRC, COBS code and delimiter."""

UPLINK_BYTES: Final = PAYLOAD_MAX - len(Uplink(0, 0, 0, b"").encode())
"""Bytes of a sample that fit in one UPLINK."""

PIECE_MIN: Final = 32
"""Least bytes of a sample in a message. Frames of 17 + n bytes, n of them the sample's, get n / (17 + n) * 0.99 ** (17
+ n) of a line's bytes across if it damages 1 % of them: most at n = 34."""

RESENDS: Final = 8
"""Pieces asked for at once."""

SOURCE_SECONDS: Final = 0.01
"""Until a board whose own source has no sample, or no further frame of it, is asked again."""


@dataclass(frozen=True)
class Sample:
    """One sample; `codes` are its quantised inputs as the model takes them, of a sequence all its frames; empty if the
    board is to take the next one of its own source.

    `label` is None if nobody knows the class. `name` is the file that it is from, None for one of the test split.
    """

    index: int
    label: int | None
    codes: bytes
    name: str | None = None


@dataclass
class Outcome:
    """What became of a sample: one line of session.jsonl. A field is None if the sample was lost before it was known.

    `large_class` is what the large model said of an abstained sample, `no_answer` why it said nothing, `answer` what
    the board ended with. `source` is "board" (accepted), "host" (the large model's answer), "fallback" (the board's
    own, since no answer came) or "withheld" (likewise, since the sample stayed on the board). `sent_up` is whether it
    left the board, `granted` what was said when the board held it and asked, None if it did not. `origin` is the
    sample's number among those of the board's own source, from 1 on since the board's reset, None if the host had it;
    `vector` which sample of the test split it is then, None if it is none of them. `threshold` is what was in force,
    `queried` that it was above every score in order to see the large model's answer, and `experts` how many thresholds
    the session's policy (host.policy) had to choose from after it. `steps` is how many frames of a sequence the board
    had taken when it decided, or when the sample was lost; 0 for a model without state. `seconds` are on the host's
    clock, from the first byte of the sample on: `result` when RESULT was in, `consent` when somebody had said whether a
    held sample may leave, `uplink` when the whole abstained sample was, `large` when the large model had answered,
    `final` when FINAL was in. `decided_ticks` is on the board's clock. `repeats` counts what had to be said again.
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
    port: str = ""
    sent_up: bool = False
    granted: bool | None = None
    no_answer: str | None = None
    decided_ticks: int | None = None
    repeats: int = 0
    origin: int | None = None
    vector: int | None = None


class _Pieces:
    """How many bytes of a sample to put in a message, in one direction: half as many where most are lost, a quarter
    more where none is."""

    def __init__(self, most: int) -> None:
        self.size = self._most = most

    def judge(self, longest: int, arrived: float) -> None:
        """Of messages with up to `longest` bytes that share has arrived."""
        if arrived >= 1:
            self.size = min(self._most, self.size * 5 // 4)
        elif arrived < 0.5:
            self.size = max(PIECE_MIN, min(self.size, longest) // 2)


@dataclass
class _Talk:
    """What the host knows of a sample while it is on the board, and what it has said last."""

    number: int
    codes: bytes  # empty: those of the board's own source
    length: int  # of them; 0 until it is known
    outcome: Outcome
    start: float

    taken: int = 0  # bytes, or frames of a sequence, that the board has
    stage: Stage | None = None  # None until RESULT
    release: bool = False  # what to say of a held sample
    up: bytearray = field(default_factory=bytearray)  # the sample as the board sent it
    here: bytearray = field(default_factory=bytearray)  # 1 for each byte of it that came
    reply: Answer | Decline | None = None
    final: FinalMessage | None = None
    refused: Reason | None = None  # what the board does not want now, but may later
    dry: bool = False  # the board's own source has nothing at the moment
    ended: bool = False

    said: float = 0.0  # when something was said last, or a piece came
    offered: int = 0  # bytes that the board has if all that was said arrived
    request: int = 0  # sequence number of the first INFER that was said since those
    kind: str = ""  # of the answer
    due: int = 0  # frames in answer that may still come; nothing more is to be said until then
    asked: int = 0  # pieces among them at first
    came: int = 0  # of those
    again: bool = False  # the answer did not come
    timed: bool = False  # the answer tells how long a round trip takes

    @property
    def own(self) -> bool:
        """Whether the board takes it from its own source."""
        return not self.codes

    @property
    def whole(self) -> bool:
        return bool(self.here) and 0 not in self.here

    def await_source(self, refused: Reason | None) -> None:
        """The board has answered, and its own source has nothing more at the moment."""
        self.dry, self.refused, self.due, self.again = True, refused, 0, False

    def expect_pieces(self, count: int) -> None:
        self.asked = self.due = count
        self.came = 0

    def missing(self, size: int) -> list[Message]:
        """Requests for the first of the pieces that did not come, of up to `size` bytes each."""
        here, found, end = self.here or bytearray(self.length), list[Message](), 0
        while len(found) < RESENDS and (at := here.find(0, end)) >= 0:
            gap = here.find(1, at)
            end = min(at + size, gap if gap >= 0 else len(here))
            found.append(Resend(self.number, at, end - at))
        return found


class Bridge:
    """Streams samples over a link. `reply_seconds` without any progress end a sample; they must be longer than the
    board's deadline, which ends every wait for an answer.

    `decided` is called as soon as the board has said what it makes of a sample, `arrived` with its codes when all of a
    sample that the host did not have has come up. `consent` is called when the board holds an abstained sample, and
    says, in its own time, whether it may leave; the board ends the wait when its settings say so. Without it no sample
    leaves a board that asks.
    """

    def __init__(
        self,
        link: Link,
        large: LargeModel,
        feed: Feed,
        reply_seconds: float,
        *,
        decided: Callable[[Outcome], None] = lambda _: None,
        arrived: Callable[[Outcome, bytes], None] = lambda outcome, codes: None,
        consent: Callable[[Outcome], bool] | None = None,
    ) -> None:
        self._link = link
        self._large = large
        self._feed = feed
        self._reply_seconds = reply_seconds
        self._decided = decided
        self._arrived = arrived
        self._consent = consent or (lambda _: False)
        self.unfinished: Outcome | None = None  # of the sample that is under way, or was when the link was lost
        self._next = secrets.randbelow(1 << 32)
        self._down = _Pieces(PAYLOAD_MAX)
        self._up = _Pieces(UPLINK_BYTES)
        room = link.hello.receive_bytes - len(Infer(0).encode()) - WIRE_OVERHEAD
        self._at_once = max(1, room // (PAYLOAD_MAX + WIRE_OVERHEAD))  # pieces with the request after them

    def stream(self, sample: Sample) -> Outcome:
        """Send one sample and see it through. Raises Disconnected if the port is gone or nothing comes any more,
        SessionLost if the board was reset: the sample can then be streamed again."""
        number, self._next = self._next, (self._next + 1) % (1 << 32)
        outcome = self.unfinished = Outcome(sample.index, sample.label, name=sample.name)
        sent, received = self._link.bytes_sent, self._link.bytes_received
        talk = _Talk(number, sample.codes, len(sample.codes), outcome, start=time.monotonic())
        progress, heard = talk.start, self._heard()
        while not talk.ended:
            if talk.due <= 0:
                self._say(talk)
            if self._listen(talk):
                progress, heard = time.monotonic(), self._heard()
            elif time.monotonic() - progress > self._reply_seconds:
                self._give_up(talk, silent=self._heard() == heard)
        outcome.bytes_sent = self._link.bytes_sent - sent
        outcome.bytes_received = self._link.bytes_received - received
        self.unfinished = None
        return outcome

    def _heard(self) -> int:
        return self._link.counters.received + self._link.counters.damaged

    def _say(self, talk: _Talk) -> None:
        """What is to be said next, by what is known."""
        messages: list[Message]
        talk.due = 1
        if talk.stage is None:
            messages = self._request(talk)
        elif talk.stage is Stage.HELD and talk.release:
            messages, talk.kind = [Release(talk.number)], "UPLINK"
            talk.expect_pieces(-(-talk.length // UPLINK_BYTES))
        elif talk.stage is not Stage.SENT_UP:
            messages, talk.kind = (
                [Decline(talk.number)],
                "FINAL",
            )  # said of a sample that stays, it asks for FINAL again
        elif talk.reply is not None:
            messages, talk.kind = [talk.reply], "FINAL"
        else:
            if talk.asked:
                self._up.judge(self._up.size, talk.came / talk.asked)
            messages, talk.kind = talk.missing(self._up.size), "UPLINK"
            talk.expect_pieces(len(messages))
        overtaken = talk.stage is None and (
            talk.here or talk.final is not None
        )  # RESULT was lost, what follows it was not
        if talk.again or overtaken or isinstance(messages[0], Resend):
            talk.outcome.repeats += 1
            self._link.repeated += 1
        said = self._link.send(*messages)
        if len(messages) > 1:
            talk.request = said
        talk.said, talk.timed = time.monotonic(), not talk.again

    def _request(self, talk: _Talk) -> list[Message]:
        """What brings the sample to its decision."""
        if talk.own:
            if talk.dry:
                time.sleep(SOURCE_SECONDS)
            talk.kind = "RESULT"
            return [Capture(talk.number)]
        if talk.again and talk.kind == "STEP":
            self._down.judge(PAYLOAD_MAX, 0)
        messages = self._feed.requests(talk.number, talk.codes, talk.taken, self._down.size, self._at_once)
        if not isinstance(messages[-1], Infer):
            talk.kind = "STEP"
            return messages
        if talk.again:
            return messages[-1:]  # whose answer says how much of the rest is there
        talk.offered = talk.taken + sum(len(load.data) for load in messages if isinstance(load, Load))
        talk.kind = "RESULT" if talk.offered == talk.length else "LOADED"
        return messages

    def _listen(self, talk: _Talk) -> bool:
        """Wait for one message. Returns whether it brought anything new."""
        timer, damaged = self._link.timer(talk.kind), self._link.counters.damaged
        message = self._link.receive(talk.said + timer.seconds, damaged + 1)
        talk.timed = talk.timed and message is not None
        if message is None and self._link.counters.damaged == damaged:
            timer.back_off()
            talk.due, talk.again = 0, True
            return False
        if message is None:  # what was damaged may have been the answer
            talk.due, talk.again = talk.due - 1, True
            return False
        now = time.monotonic()
        kind, round_trip = talk.kind, now - talk.said
        new = self._take(talk, message, now)
        if new and talk.timed:
            self._link.measured(kind, round_trip)
        elif new:
            timer.answered()
        if new:
            talk.again = talk.timed = False
        return new

    def _take(self, talk: _Talk, message: Message, now: float) -> bool:
        """Learn from a message. Returns whether it is news of this sample; what is of another, or known, is passed
        over."""
        if getattr(message, "sample", None) != talk.number:
            return False
        match message:
            case Loaded(length=length, request=request):
                late = (request - talk.request) % 65536 >= 32768  # it does not know of the pieces said last
                return talk.stage is None and not late and self._take_loaded(talk, length, now)
            case Step(steps=steps):
                if talk.stage is None and talk.own:
                    talk.await_source(None)
                if talk.stage is not None or steps <= talk.taken:
                    return False
                self._down.judge(PAYLOAD_MAX, 0.5 if talk.again else 1)
                talk.outcome.steps = talk.taken = steps
                talk.due = 0
            case Result():
                if message.stage is talk.stage:
                    return False
                self._take_result(talk, message, now)
            case Uplink():
                if not self._take_piece(talk, message, now):
                    return False
            case FinalMessage():
                if talk.final is not None:
                    return False
                talk.final = message
                talk.due, talk.taken = 0, talk.length  # if RESULT was lost, it is all that is asked for
            case Refused(reason=Reason.BUSY):
                talk.refused = Reason.BUSY
                return False
            case Refused(reason=Reason.NO_SAMPLE):
                talk.await_source(Reason.NO_SAMPLE)
                return False
            case Refused(type=Answer.TYPE, reason=Reason.OUT_OF_RANGE):
                talk.outcome.no_answer = "the board has no such class"
                talk.reply, talk.due = Decline(talk.number), 0
            case Refused(reason=reason):
                talk.outcome.lost, talk.ended = _refusal(reason), True
            case _:
                return False
        self._conclude(talk, time.monotonic() - talk.start)
        return True

    def _take_loaded(self, talk: _Talk, length: int, now: float) -> bool:
        if talk.timed:
            self._link.measured("LOADED", now - talk.said)
        talk.again, talk.timed, talk.due = False, False, 0
        offered = talk.offered - talk.taken
        if length >= talk.length:
            talk.outcome.lost, talk.ended = f"the board wants more than the {talk.length} bytes of the sample", True
        elif offered > 0:
            self._down.judge(offered, (length - talk.taken) / offered)
        new = length > talk.taken
        talk.taken = length
        return new

    def _take_result(self, talk: _Talk, result: Result, now: float) -> None:
        outcome, first = talk.outcome, talk.stage is None
        talk.stage, talk.due = result.stage, int(result.stage is Stage.WITHHELD)  # then FINAL follows
        outcome.sent_up = outcome.sent_up or result.stage is Stage.SENT_UP
        if not first:
            return
        if (result.origin > 0) is not talk.own:
            whose = "the host's" if talk.own else "of its own source"
            outcome.lost, talk.ended = f"the board says that the sample is {whose}", True
            return
        if talk.own:
            outcome.origin = result.origin
            talk.length = self._link.hello.input_bytes * max(1, result.steps)
        if not talk.again:
            self._down.judge(PAYLOAD_MAX, 1)
        outcome.seconds["result"] = now - talk.start
        outcome.board_class, outcome.score, outcome.accepted = result.class_index, result.score, result.accepted
        outcome.infer_cycles, outcome.gate_cycles, outcome.steps = result.infer_cycles, result.gate_cycles, result.steps
        outcome.decided_ticks = result.ticks
        self._decided(outcome)
        if result.accepted:
            outcome.answer, outcome.probability = result.class_index, to_probability(result.score)
            outcome.source, talk.ended = Source.BOARD.name.lower(), True
        elif result.stage is Stage.HELD:
            outcome.granted = talk.release = self._consent(outcome)
            outcome.seconds["consent"] = time.monotonic() - talk.start
        elif result.stage is Stage.WITHHELD:
            talk.kind = "FINAL"
        elif not talk.here:
            talk.expect_pieces(-(-talk.length // UPLINK_BYTES))  # they follow
            talk.kind = "UPLINK"
        talk.said = time.monotonic()

    def _take_piece(self, talk: _Talk, piece: Uplink, now: float) -> bool:
        outcome, end = talk.outcome, piece.offset + len(piece.data)
        outcome.uplink_bytes += len(piece.encode()) + WIRE_OVERHEAD
        talk.length = talk.length or piece.total  # RESULT, which tells it of a sample of the board's, was lost
        if piece.total != talk.length or end > piece.total:
            return False
        if talk.stage is None:
            talk.taken = talk.offered = talk.length  # it is decided: RESULT was lost
        elif talk.stage is Stage.HELD:
            talk.stage = Stage.SENT_UP
        outcome.sent_up = True
        talk.due, talk.came, talk.said = talk.due - 1, talk.came + 1, now
        if not talk.here:
            talk.up, talk.here = bytearray(piece.total), bytearray(piece.total)
        if 0 not in talk.here[piece.offset : end]:
            return False
        talk.up[piece.offset : end] = piece.data
        talk.here[piece.offset : end] = b"\1" * len(piece.data)
        if talk.whole:
            outcome.seconds["uplink"] = now - talk.start
            talk.due = 0
            if talk.asked:
                self._up.judge(self._up.size, talk.came / talk.asked)
        return True

    def _conclude(self, talk: _Talk, now: float) -> None:
        """Do what can be done by now: ask the large model, take the end of the sample."""
        if talk.stage is None or talk.ended:
            return
        if talk.final is not None:
            talk.outcome.seconds["final"] = now
            _take_final(talk.outcome, talk.final)
            talk.ended = True
        elif talk.whole and talk.reply is None:
            if talk.own:
                self._arrived(talk.outcome, bytes(talk.up))
            talk.reply, talk.due = self._answer(talk), 0

    def _answer(self, talk: _Talk) -> Answer | Decline:
        """What the large model says of the sample as the board sent it."""
        try:
            probabilities = self._large.classify(self._feed.values(bytes(talk.up)))[0]
        except NoAnswer as why:
            talk.outcome.no_answer = str(why)
            return Decline(talk.number)
        class_index = int(probabilities.argmax())
        talk.outcome.large_class = class_index
        talk.outcome.seconds["large"] = time.monotonic() - talk.start
        return Answer(talk.number, class_index, to_code(float(probabilities[class_index])))

    def _give_up(self, talk: _Talk, silent: bool) -> None:
        missing = self._feed.answers if talk.stage is None else talk.kind
        if silent:
            raise Disconnected(
                f"{self._link.name}: the board has said nothing for {self._reply_seconds:g} s, where {missing} was due.",
                "Check the cable, reset the board and run the command again.",
                NO_DEVICE,
            )
        talk.ended = True
        if talk.refused is not None:
            talk.outcome.lost = _refusal(talk.refused)
        else:
            talk.outcome.lost = f"no {missing} within {self._reply_seconds:g} s"


def _take_final(outcome: Outcome, final: FinalMessage) -> None:
    if final.source is Source.HOST and final.class_index != outcome.large_class:
        outcome.lost = f"FINAL carries class {final.class_index}, the large model's answer was {outcome.large_class}"
        return
    outcome.sent_up = outcome.sent_up or final.source is not Source.WITHHELD
    outcome.answer, outcome.probability = final.class_index, to_probability(final.probability)
    outcome.source, outcome.wait_cycles = final.source.name.lower(), final.wait_cycles


def _refusal(reason: Reason) -> str:
    return f"the board refused it: {reason.name.lower().replace('_', ' ')}"


NO_SAMPLE: Final = _refusal(Reason.NO_SAMPLE)
"""Why a sample is lost that the board's own source did not have."""
