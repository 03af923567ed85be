"""The bridge: who answers what, and what becomes of a sample when the line or the board fails it."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.manifest import Tensor
from host.backend import NoAnswer
from host.bridge import NO_SAMPLE, Bridge, Outcome, Sample
from host.feed import Whole
from host.frame import Frame, encode
from host.link import Disconnected, Link, SessionLost, connect
from host.messages.sample import Answer, Capture, Final, Infer, Load, Reason, Refused, Release, Result, Source, Uplink
from host.messages.settings import Consent
from host.messages.wire import Message
from host.port import open_port
from scripted_board import HELLO, MODEL_HASH, ScriptedBoard, hello, unchanged

SIZE = HELLO.input_bytes
TENSOR = Tensor(name="image", shape=(1, 8, 8, 1), dtype="int8", scale=0.5, zero_point=-10)
CERTAIN, UNSURE = 200, 100  # scores; the scripted board accepts from 128 on


class Large:
    """Answers class 7 with probability 0.75, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[NDArray[np.float32]] = []
        self.reason: str | None = None  # to say nothing

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked.append(samples)
        if self.reason:
            raise NoAnswer(self.reason)
        probabilities = np.full((len(samples), 10), 0.25 / 9, dtype=np.float32)
        probabilities[:, 7] = 0.75
        return probabilities


def sample(index: int, score: int, size: int = SIZE) -> Sample:
    return Sample(index, label=3, codes=bytes([3, score]) + bytes(i % 256 for i in range(index, index + size - 2)))


@contextmanager
def bridge_to(board: ScriptedBoard, tensor: Tensor = TENSOR, reply_seconds: float = 5.0, **hooks: Any,
              ) -> Iterator[tuple[Bridge, Link, Large]]:  # fmt: skip
    large = Large()
    with board, connect(open_port(board.url, 460_800), board.url, "nucleo_f446re", MODEL_HASH) as link:
        yield Bridge(link, large, Whole(tensor), reply_seconds, **hooks), link, large


def only_first(kind: type[Message], change: Callable[[bytes], bytes]) -> Callable[[Message, bytes], bytes]:
    """A fault in the first message of a kind; the others are sent as they are."""
    count = itertools.count()
    return lambda message, wire: change(wire) if isinstance(message, kind) and next(count) == 0 else wire


def damaged(wire: bytes) -> bytes:
    return wire[:5] + bytes([wire[5] ^ 0x55 or 1]) + wire[6:]


def lost(wire: bytes) -> bytes:
    return b""


@pytest.mark.usefixtures("patient")
def test_accepted_samples_are_the_boards_and_abstained_ones_the_hosts() -> None:
    with bridge_to(ScriptedBoard()) as (bridge, link, large):
        accepted, abstained = bridge.stream(sample(0, CERTAIN)), bridge.stream(sample(1, UNSURE))
        assert link.counters.lost == 0
    assert (accepted.accepted, accepted.answer, accepted.source, accepted.lost) == (True, 3, "board", None)
    assert (abstained.accepted, abstained.answer, abstained.source, abstained.lost) == (False, 7, "host", None)
    assert (abstained.board_class, abstained.large_class, abstained.probability) == (3, 7, 0.75)
    assert (accepted.score, accepted.infer_cycles, accepted.gate_cycles) == (CERTAIN, 1000, 10)
    assert list(accepted.seconds) == ["result"]
    assert list(abstained.seconds) == ["result", "uplink", "large", "final"]
    assert sorted(abstained.seconds.values()) == list(abstained.seconds.values())
    assert len(large.asked) == 1


@pytest.mark.usefixtures("patient")
def test_bytes_are_those_on_the_wire() -> None:
    with bridge_to(ScriptedBoard()) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    load, infer, answer = 8 + SIZE, 4, 7
    result, uplink, final = 30, 12 + SIZE, 12
    assert outcome.bytes_sent == load + infer + answer + 3 * 9
    assert outcome.bytes_received == result + uplink + final + 3 * 9
    assert outcome.uplink_bytes == uplink + 9


def test_the_large_model_gets_the_sample_that_the_board_sent() -> None:
    def altered(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Uplink):
            return wire
        sequence = 5  # HELLO, SETTINGS ... are not checked here: a gap only counts
        return encode(Frame(Uplink.TYPE, sequence, Uplink(message.sample, 0, SIZE, bytes([246]) * SIZE).encode()))

    with bridge_to(ScriptedBoard(mangle=altered)) as (bridge, _, large):
        bridge.stream(sample(0, UNSURE))
    assert large.asked[0].shape == (1, 8, 8, 1)
    assert large.asked[0].dtype == np.float32
    assert np.all(large.asked[0] == 0.5 * (-10 + 10))  # 246 is the int8 code -10, the zero point


def test_a_sample_of_many_frames() -> None:
    size = 1000
    tensor = Tensor(name="image", shape=(1, 1000), dtype="int8", scale=1.0, zero_point=0)
    with bridge_to(ScriptedBoard(hello(input_bytes=size)), tensor) as (bridge, _, large):
        sent = sample(0, UNSURE, size)
        assert bridge.stream(sent).source == "host"
    assert large.asked[0].astype(np.int8).tobytes() == sent.codes


@pytest.mark.parametrize("fault", [damaged, lost])
@pytest.mark.parametrize("kind", [Result, Uplink, Final])
def test_what_the_line_loses_is_asked_for_again(fault: Callable[[bytes], bytes], kind: type[Message]) -> None:
    board = ScriptedBoard(hello(deadline_ms=2000), mangle=only_first(kind, fault))
    with bridge_to(board) as (bridge, link, large):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, CERTAIN))
        assert link.counters.damaged == (fault is damaged)
        assert link.repeated >= first.repeats >= 1
    assert (first.lost, first.source, first.answer, first.board_class) == (None, "host", 7, 3)
    assert (second.lost, second.answer) == (None, 3)
    assert len(large.asked) == 1 and board.runs == 2


@pytest.mark.parametrize("kind", [Load, Infer, Answer])
def test_what_the_board_does_not_hear_is_said_again(kind: type[Message]) -> None:
    count = itertools.count()
    board = ScriptedBoard(
        hello(deadline_ms=2000), hear=lambda message: not isinstance(message, kind) or next(count) > 0
    )
    with bridge_to(board) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.lost, outcome.source, outcome.answer) == (None, "host", 7)
    assert outcome.repeats >= (kind is not Load)  # a missing LOAD is no silence: LOADED tells of it
    assert board.runs == 1


def test_a_damaged_answer_is_asked_for_at_once_and_a_lost_one_after_a_while() -> None:
    took = {}
    for fault in (damaged, lost):
        with bridge_to(ScriptedBoard(mangle=only_first(Result, fault))) as (bridge, link, _):
            link.timer("RESULT").add(0.5)
            took[fault] = bridge.stream(sample(0, CERTAIN)).seconds["result"]
    assert took[damaged] < 0.5 < took[lost]


BIG = Tensor(name="image", shape=(1, 3000), dtype="int8", scale=1.0, zero_point=0)


def big(index: int, score: int) -> Sample:
    return sample(index, score, 3000)


@pytest.mark.usefixtures("patient")
def test_never_more_is_on_its_way_than_the_board_can_take_in() -> None:
    unanswered, most = 0, 0

    def hear(message: Message) -> bool:
        nonlocal unanswered, most
        unanswered += len(message.encode()) + 9
        most = max(most, unanswered)
        return True

    def mangle(message: Message, wire: bytes) -> bytes:
        nonlocal unanswered
        unanswered = 0
        return wire

    for room, loads in ((512, 2), (300, 1), (1024, 4)):
        board = ScriptedBoard(hello(input_bytes=3000, receive_bytes=room), hear=hear, mangle=mangle)
        most = 0
        with bridge_to(board, BIG) as (bridge, _, _):
            assert bridge.stream(big(0, CERTAIN)).answer == 3
        assert loads * 249 <= most <= room


def test_a_large_sample_with_missing_pieces_in_both_directions_is_whole_in_the_end() -> None:
    generator = random.Random(3)
    board = ScriptedBoard(
        hello(input_bytes=3000, deadline_ms=5000),
        hear=lambda message: generator.random() > 0.3,
        mangle=lambda message, wire: wire if generator.random() > 0.3 else b"",
    )
    generator.random = lambda: 1.0  # type: ignore[method-assign]  # no losses in the handshake
    with bridge_to(board, BIG) as (bridge, _, large):
        del generator.random
        sent = [big(index, UNSURE) for index in range(4)]
        outcomes = [bridge.stream(each) for each in sent]
    assert [outcome.lost for outcome in outcomes] == [None] * 4
    assert [asked.astype(np.int8).tobytes() for asked in large.asked] == [each.codes for each in sent]
    assert board.runs == 4


class Noise:
    """A line that changes each byte with that probability, in both directions."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate, self._random, self.on = rate, random.Random(seed), False

    def hear(self, message: Message) -> bool:
        length = len(message.encode()) + 9
        return not self.on or self._random.random() < (1 - self.rate) ** length

    def mangle(self, message: Message, wire: bytes) -> bytes:
        if not self.on:
            return wire
        return bytes(
            byte ^ self._random.randrange(1, 256) if self._random.random() < self.rate else byte for byte in wire
        )


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.02])
def test_every_sample_is_answered_over_a_noisy_line(rate: float) -> None:
    noise = Noise(rate, seed=5)
    board = ScriptedBoard(hello(deadline_ms=5000), mangle=noise.mangle, hear=noise.hear)
    with bridge_to(board) as (bridge, link, large):
        noise.on = True
        outcomes = [bridge.stream(sample(index, CERTAIN if index % 3 else UNSURE)) for index in range(60)]
        noise.on = False
        assert link.counters.damaged > 0
    assert all(outcome.lost is None for outcome in outcomes)
    assert [outcome.answer for outcome in outcomes] == [3 if index % 3 else 7 for index in range(60)]
    assert board.runs == 60 and len(large.asked) == 20


def test_a_board_that_says_nothing_any_more_is_not_waited_for() -> None:
    board = ScriptedBoard(hear=lambda message: not isinstance(message, Load | Infer))
    with (
        bridge_to(board, reply_seconds=0.3) as (bridge, _, _),
        pytest.raises(Disconnected, match="has said nothing for"),
    ):
        bridge.stream(sample(0, CERTAIN))


def test_a_sample_that_gets_nowhere_is_lost_with_its_reason() -> None:
    def never(message: Message, wire: bytes) -> bytes:
        return damaged(wire) if isinstance(message, Result) else wire

    with bridge_to(ScriptedBoard(mangle=never), reply_seconds=0.3) as (bridge, _, _):
        outcome = bridge.stream(sample(0, CERTAIN))
    assert (outcome.lost, outcome.answer) == ("no RESULT within 0.3 s", None)
    assert outcome.repeats > 3


def test_a_board_that_was_reset_ends_the_stream_and_the_sample_can_be_streamed_again() -> None:
    board = ScriptedBoard()
    with bridge_to(board) as (bridge, link, _):
        assert bridge.stream(sample(0, CERTAIN)).answer == 3
        board.reset()
        with pytest.raises(SessionLost):
            bridge.stream(sample(1, CERTAIN))
        link.handshake("nucleo_f446re", MODEL_HASH)
        assert bridge.stream(sample(1, CERTAIN)).answer == 3


def test_an_answer_that_does_not_arrive_ends_in_the_fallback() -> None:
    with bridge_to(ScriptedBoard(deaf_to=(Answer,))) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.answer, outcome.large_class) == ("fallback", 3, 7)


def test_a_large_model_without_an_answer_ends_the_wait_at_once() -> None:
    with bridge_to(ScriptedBoard(hello(deadline_ms=60_000))) as (bridge, _, large):
        large.reason = "it is down"
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.answer, outcome.no_answer) == ("fallback", 3, "it is down")
    assert outcome.sent_up and outcome.large_class is None


def test_a_class_that_the_board_does_not_have_is_no_answer() -> None:
    with bridge_to(ScriptedBoard(hello(classes=5, deadline_ms=60_000))) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.no_answer) == ("fallback", "the board has no such class")


def asked(granted: bool | None) -> tuple[Outcome, ScriptedBoard, Large]:
    """An abstained sample on a board that asks; None: nobody answers in time."""
    board = ScriptedBoard(hello(consent=Consent.ASK, consent_ms=100 if granted is None else 60_000))
    seen = []

    def consent(outcome: Outcome) -> bool:
        seen.append(outcome.board_class)
        time.sleep(0.2 if granted is None else 0)
        return granted is None or granted

    with bridge_to(board, consent=consent) as (bridge, _, large):
        outcome = bridge.stream(sample(0, UNSURE))
        assert bridge.stream(sample(1, CERTAIN)).granted is None  # is not asked about
    assert seen == [3]
    return outcome, board, large


def test_a_released_sample_goes_up() -> None:
    outcome, _, large = asked(True)
    assert (outcome.source, outcome.answer, outcome.granted, outcome.sent_up) == ("host", 7, True, True)
    assert len(large.asked) == 1


def test_a_declined_sample_stays() -> None:
    outcome, board, large = asked(False)
    assert (outcome.source, outcome.answer, outcome.granted, outcome.sent_up) == ("withheld", 3, False, False)
    assert large.asked == [] and outcome.uplink_bytes == 0
    assert not any(isinstance(message, Release) for message in board.heard)


def test_consent_that_comes_too_late_is_none() -> None:
    outcome, _, large = asked(None)
    assert (outcome.source, outcome.granted, outcome.sent_up) == ("withheld", True, False)
    assert large.asked == []


def test_without_anybody_to_ask_no_sample_leaves_a_board_that_asks() -> None:
    with bridge_to(ScriptedBoard(hello(consent=Consent.ASK, consent_ms=60_000))) as (bridge, _, _):
        assert bridge.stream(sample(0, UNSURE)).source == "withheld"


@pytest.mark.parametrize("kind", [Result, Final])
def test_a_board_that_never_sends_samples_up_has_the_last_word(kind: type[Message]) -> None:
    board = ScriptedBoard(hello(consent=Consent.NEVER), mangle=only_first(kind, lost))
    with bridge_to(board) as (bridge, _, large):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.answer, outcome.accepted, outcome.sent_up) == ("withheld", 3, False, False)
    assert (outcome.granted, large.asked, outcome.lost) == (None, [], None)


@pytest.mark.parametrize("kind", [Result, Uplink, Final])
@pytest.mark.parametrize("granted", [True, False])
def test_consent_survives_a_line_that_loses(kind: type[Message], granted: bool) -> None:
    board = ScriptedBoard(
        hello(consent=Consent.ASK, consent_ms=60_000, deadline_ms=5000), mangle=only_first(kind, lost)
    )
    with bridge_to(board, consent=lambda _: granted) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.sent_up) == (("host", True) if granted else ("withheld", False))


def test_the_decision_is_told_as_soon_as_it_is_known() -> None:
    told: list[tuple[int | None, str | None]] = []
    with bridge_to(ScriptedBoard(), decided=lambda of: told.append((of.board_class, of.source))) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert told == [(3, None)]
    assert outcome.source == "host" and (outcome.decided_ticks or 0) > 0


@pytest.mark.parametrize("kind", [Result, Uplink, Final])
def test_a_message_heard_twice_is_heard_once(kind: type[Message]) -> None:
    twice = ScriptedBoard(mangle=lambda message, wire: wire * (1 + isinstance(message, kind)))
    with bridge_to(twice) as (bridge, link, large):
        outcomes = [bridge.stream(sample(index, UNSURE)) for index in range(3)]
        assert link.counters.stale >= 2
    assert [outcome.answer for outcome in outcomes] == [7, 7, 7]
    assert len(large.asked) == 3


def test_a_late_final_of_another_sample_is_not_this_ones() -> None:
    held: list[bytes] = []

    def late(message: Message, wire: bytes) -> bytes:
        """Says the first sample's FINAL again with the second one's RESULT."""
        if isinstance(message, Final) and not held:
            held.append(wire)
        return held[0] + wire if isinstance(message, Result) and held else wire

    with bridge_to(ScriptedBoard(mangle=late)) as (bridge, _, _):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, CERTAIN))
    assert first.source == "host"
    assert (second.source, second.answer, second.lost) == ("board", 3, None)


def test_a_final_with_another_class_than_the_answer_is_not_taken() -> None:
    def swapped(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Final):
            return wire
        return encode(Frame(Final.TYPE, 9, Final(message.sample, 4, 100, Source.HOST, 5).encode()))

    with bridge_to(ScriptedBoard(mangle=swapped)) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.lost, outcome.answer) == ("FINAL carries class 4, the large model's answer was 7", None)


def test_a_sample_of_another_size_is_lost_with_the_reason() -> None:
    with bridge_to(ScriptedBoard()) as (bridge, _, _):
        assert (
            bridge.stream(Sample(0, 3, bytes(SIZE - 1))).lost == "the board wants more than the 63 bytes of the sample"
        )


def test_a_refused_sample_is_lost_with_the_reason() -> None:
    def refused(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Result):
            return wire
        return encode(Frame(Refused.TYPE, 1, Refused(Load.TYPE, message.sample, Reason.OUT_OF_RANGE).encode()))

    with bridge_to(ScriptedBoard(mangle=refused)) as (bridge, _, _):
        assert bridge.stream(sample(0, CERTAIN)).lost == "the board refused it: out of range"


def test_a_busy_board_is_asked_again() -> None:
    count = itertools.count()

    def twice(message: Message, wire: bytes) -> bytes:
        if isinstance(message, Result) and next(count) < 2:
            return encode(Frame(Refused.TYPE, 1, Refused(Infer.TYPE, message.sample, Reason.BUSY).encode()))
        return wire

    with bridge_to(ScriptedBoard(mangle=twice)) as (bridge, _, _):
        outcome = bridge.stream(sample(0, CERTAIN))
    assert (outcome.lost, outcome.answer) == (None, 3)
    assert next(count) == 3


def test_a_board_that_stays_busy_loses_the_sample_with_the_reason() -> None:
    def busy(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Result):
            return wire
        return encode(Frame(Refused.TYPE, 1, Refused(Infer.TYPE, message.sample, Reason.BUSY).encode()))

    with bridge_to(ScriptedBoard(mangle=busy), reply_seconds=0.2) as (bridge, _, _):
        assert bridge.stream(sample(0, CERTAIN)).lost == "the board refused it: busy"


def test_noise_between_frames_costs_nothing() -> None:
    def noisy(message: Message, wire: bytes) -> bytes:
        return b"\x11\x22\x33\0" + wire

    with bridge_to(ScriptedBoard(mangle=noisy)) as (bridge, link, _):
        outcomes = [bridge.stream(sample(index, score)) for index, score in enumerate((CERTAIN, UNSURE, CERTAIN))]
        assert link.counters.lost == 0
        assert link.counters.cobs_errors + link.counters.crc_errors >= 6
    assert [outcome.answer for outcome in outcomes] == [3, 7, 3]


def test_numbers_on_the_wire_are_never_reused() -> None:
    seen: list[int] = []

    def note(message: Message, wire: bytes) -> bytes:
        seen.extend([message.sample] if isinstance(message, Result) else [])
        return wire

    for _ in range(2):
        with bridge_to(ScriptedBoard(mangle=note)) as (bridge, _, _):
            bridge.stream(sample(0, CERTAIN))
            bridge.stream(sample(0, CERTAIN))
    assert len(set(seen)) == 4


def test_a_pulled_cable_is_an_error_in_words() -> None:
    board = ScriptedBoard(mangle=unchanged)
    with bridge_to(board) as (bridge, _, _):
        assert isinstance(bridge.stream(sample(0, CERTAIN)), Outcome)
        board.unplug()
        with pytest.raises(Disconnected, match="connection was lost") as error:
            bridge.stream(sample(1, CERTAIN))
        assert error.value.exit_code == 3


def own(*scores: int) -> Iterator[bytes]:
    """What a source of the board's own yields: samples with those scores, of class 3; nothing for a score of 0."""
    return iter([sample(index, score).codes if score else b"" for index, score in enumerate(scores)])


def captures(board: ScriptedBoard) -> list[int]:
    return [message.sample for message in board.heard if isinstance(message, Capture)]


OWN = Sample(index=0, label=None, codes=b"")


@pytest.mark.usefixtures("patient")
def test_a_board_takes_samples_of_its_own() -> None:
    came: list[tuple[int | None, bytes]] = []
    board = ScriptedBoard(hello(source="scripted"), source=own(CERTAIN, UNSURE, CERTAIN))
    with bridge_to(board, arrived=lambda outcome, codes: came.append((outcome.origin, codes))) as (bridge, link, large):
        outcomes = [bridge.stream(OWN), bridge.stream(OWN), bridge.stream(sample(0, CERTAIN)), bridge.stream(OWN)]
        assert link.counters.lost == 0
    assert [(outcome.origin, outcome.source, outcome.answer, outcome.lost) for outcome in outcomes] == [
        (1, "board", 3, None), (2, "host", 7, None), (None, "board", 3, None), (3, "board", 3, None)]  # fmt: skip
    assert came == [(2, sample(1, UNSURE).codes)]  # of what it was sure of nothing came
    assert [outcome.bytes_sent for outcome in outcomes] == [13, 13 + 16, 81 + 13, 13]
    assert len(large.asked) == 1 and board.runs == 4


@pytest.mark.parametrize("fault", [damaged, lost])
@pytest.mark.parametrize("kind", [Result, Uplink, Final])
def test_no_sample_of_the_boards_is_taken_twice(fault: Callable[[bytes], bytes], kind: type[Message]) -> None:
    board = ScriptedBoard(
        hello(deadline_ms=2000, source="scripted"), only_first(kind, fault), source=own(UNSURE, CERTAIN)
    )
    with bridge_to(board) as (bridge, _, large):
        first, second = bridge.stream(OWN), bridge.stream(OWN)
    assert (first.lost, first.source, first.answer, first.origin) == (None, "host", 7, 1)
    assert (second.lost, second.source, second.origin) == (None, "board", 2)
    assert first.repeats >= 1 and board.runs == 2 == len(set(captures(board)))
    assert len(large.asked) == 1


def test_a_capture_that_the_board_does_not_hear_is_said_again() -> None:
    count = itertools.count()
    board = ScriptedBoard(hello(source="scripted"), source=own(CERTAIN),
                          hear=lambda message: not isinstance(message, Capture) or next(count) > 0)  # fmt: skip
    with bridge_to(board) as (bridge, _, _):
        outcome = bridge.stream(OWN)
    assert (outcome.lost, outcome.origin, outcome.repeats) == (None, 1, 1)


def test_a_line_that_flips_bits_loses_no_sample_of_the_boards_and_repeats_none() -> None:
    generator = random.Random(4)

    def flip(message: Message, wire: bytes) -> bytes:
        return bytes(byte ^ (generator.random() < 0.01) for byte in wire)

    scores = [generator.choice((CERTAIN, UNSURE)) for _ in range(60)]
    board = ScriptedBoard(hello(deadline_ms=2000, source="scripted"), flip, source=own(*scores))
    with bridge_to(board) as (bridge, link, _):
        outcomes = [bridge.stream(OWN) for _ in scores]
        assert link.counters.damaged > 0
    assert [outcome.lost for outcome in outcomes] == [None] * len(scores)
    assert [outcome.origin for outcome in outcomes] == list(range(1, len(scores) + 1))
    assert [outcome.score for outcome in outcomes] == scores
    assert board.runs == len(scores)


def test_a_source_without_a_sample_is_asked_until_it_has_one() -> None:
    board = ScriptedBoard(hello(source="scripted"), source=own(0, 0, CERTAIN))
    with bridge_to(board) as (bridge, _, _):
        outcome = bridge.stream(OWN)
    assert (outcome.origin, outcome.source, outcome.repeats) == (1, "board", 0)
    assert len(captures(board)) == 3 and len(set(captures(board))) == 1


def test_what_a_source_never_has_is_said() -> None:
    board = ScriptedBoard(hello(source="scripted"), source=itertools.repeat(b""))
    with bridge_to(board, reply_seconds=0.1) as (bridge, _, _):
        assert bridge.stream(OWN).lost == NO_SAMPLE
    with bridge_to(ScriptedBoard()) as (bridge, _, _):
        assert bridge.stream(OWN).lost == "the board refused it: no source"


def test_a_sample_from_elsewhere_is_not_taken_for_the_one_asked_for() -> None:
    def claims(origin: int) -> Callable[[Message, bytes], bytes]:
        sequence = itertools.count()

        def change(message: Message, wire: bytes) -> bytes:
            number = next(sequence)
            return (
                encode(Frame(Result.TYPE, number, replace(message, origin=origin).encode()))
                if isinstance(message, Result)
                else wire
            )

        return change

    with bridge_to(ScriptedBoard(mangle=claims(5))) as (bridge, _, _):
        assert bridge.stream(sample(0, CERTAIN)).lost == "the board says that the sample is of its own source"
    board = ScriptedBoard(hello(source="scripted"), claims(0), source=own(CERTAIN))
    with bridge_to(board) as (bridge, _, _):
        assert bridge.stream(OWN).lost == "the board says that the sample is the host's"


@pytest.mark.parametrize("granted", [True, False])
def test_a_held_sample_of_the_boards_leaves_it_with_consent_only(granted: bool) -> None:
    came: list[bytes] = []
    board = ScriptedBoard(hello(consent=Consent.ASK, consent_ms=60_000, source="scripted"), source=own(UNSURE))
    hooks = {"consent": lambda outcome: granted, "arrived": lambda outcome, codes: came.append(codes)}
    with bridge_to(board, **hooks) as (bridge, _, _):
        outcome = bridge.stream(OWN)
    assert (outcome.source, outcome.sent_up) == (("host", True) if granted else ("withheld", False))
    assert came == ([sample(0, UNSURE).codes] if granted else [])
