"""The bridge: who answers what, and what becomes of a sample when the line or the board fails it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.manifest import Tensor
from host.bridge import Bridge, Outcome, Sample
from host.errors import HostError
from host.feed import Whole
from host.frame import Frame, encode
from host.link import Link, connect
from host.messages.sample import Answer, Final, Reason, Refused, Result, Source, Uplink
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

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked.append(samples)
        probabilities = np.full((len(samples), 10), 0.25 / 9, dtype=np.float32)
        probabilities[:, 7] = 0.75
        return probabilities


def sample(index: int, score: int, size: int = SIZE) -> Sample:
    return Sample(index, label=3, codes=bytes([3, score]) + bytes(i % 256 for i in range(index, index + size - 2)))


@contextmanager
def bridge_to(board: ScriptedBoard, tensor: Tensor = TENSOR, reply_seconds: float = 5.0,
              ) -> Iterator[tuple[Bridge, Link, Large]]:  # fmt: skip
    large = Large()
    with board, connect(open_port(board.url, 460_800), board.url, "nucleo_f446re", MODEL_HASH) as link:
        yield Bridge(link, large, Whole(tensor), reply_seconds), link, large


def only_first(kind: type[Message], change: Callable[[bytes], bytes]) -> Callable[[Message, bytes], bytes]:
    """A fault in the first message of a kind; the others are sent as they are."""
    count = itertools.count()
    return lambda message, wire: change(wire) if isinstance(message, kind) and next(count) == 0 else wire


def damaged(wire: bytes) -> bytes:
    return wire[:5] + bytes([wire[5] ^ 0x55 or 1]) + wire[6:]


def lost(wire: bytes) -> bytes:
    return b""


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


def test_bytes_are_those_on_the_wire() -> None:
    with bridge_to(ScriptedBoard()) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    load, infer, answer = 8 + SIZE, 4, 7
    result, uplink, final = 18, 12 + SIZE, 12
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


def test_a_damaged_result_loses_its_sample_and_no_other() -> None:
    board = ScriptedBoard(mangle=only_first(Result, damaged))
    with bridge_to(board, reply_seconds=0.3) as (bridge, link, _):
        first, second = bridge.stream(sample(0, CERTAIN)), bridge.stream(sample(1, CERTAIN))
        assert link.counters.crc_errors + link.counters.cobs_errors == 1
        assert link.counters.lost == 1
    assert (first.lost, first.answer) == ("no RESULT within 0.3 s", None)
    assert (second.lost, second.answer) == (None, 3)


def test_a_damaged_result_of_an_abstained_sample_is_not_answered_as_if_known() -> None:
    with bridge_to(ScriptedBoard(mangle=only_first(Result, damaged))) as (bridge, _, _):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, UNSURE))
    assert (first.lost, first.answer) == ("RESULT did not arrive", None)
    assert (second.lost, second.answer) == (None, 7)


@pytest.mark.parametrize("fault", [damaged, lost])
def test_without_the_whole_sample_the_board_falls_back(fault: Callable[[bytes], bytes]) -> None:
    with bridge_to(ScriptedBoard(mangle=only_first(Uplink, fault))) as (bridge, _, large):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, UNSURE))
    assert (first.lost, first.source, first.answer) == (None, "fallback", 3)
    assert (second.source, second.answer) == ("host", 7)
    assert len(large.asked) == 1


def test_a_missing_piece_in_the_middle_is_no_sample() -> None:
    tensor = Tensor(name="image", shape=(1, 1000), dtype="int8", scale=1.0, zero_point=0)
    board = ScriptedBoard(hello(input_bytes=1000), mangle=only_first(Uplink, lost))
    with bridge_to(board, tensor) as (bridge, link, large):
        assert bridge.stream(sample(0, UNSURE, 1000)).source == "fallback"
        assert link.counters.lost == 1
    assert large.asked == []


def test_an_answer_that_does_not_arrive_ends_in_the_fallback() -> None:
    with bridge_to(ScriptedBoard(deaf_to=(Answer,))) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.source, outcome.answer, outcome.large_class) == ("fallback", 3, 7)


def test_a_lost_final_loses_the_sample() -> None:
    with bridge_to(ScriptedBoard(mangle=only_first(Final, lost)), reply_seconds=0.3) as (bridge, _, _):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, UNSURE))
    assert (first.lost, first.answer) == ("no FINAL within 0.3 s", None)
    assert (second.lost, second.answer) == (None, 7)


def test_a_late_final_of_another_sample_is_not_this_ones() -> None:
    held: list[bytes] = []

    def late(message: Message, wire: bytes) -> bytes:
        """Holds the first sample's FINAL back until the second one's RESULT."""
        if isinstance(message, Final) and not held:
            held.append(wire)
            return b""
        return held[0] + wire if isinstance(message, Result) and held else wire

    with bridge_to(ScriptedBoard(mangle=late), reply_seconds=0.3) as (bridge, _, _):
        first, second = bridge.stream(sample(0, UNSURE)), bridge.stream(sample(1, CERTAIN))
    assert first.lost == "no FINAL within 0.3 s"
    assert (second.source, second.answer, second.lost) == ("board", 3, None)


def test_a_final_with_another_class_than_the_answer_is_not_taken() -> None:
    def swapped(message: Message, wire: bytes) -> bytes:
        if not isinstance(message, Final):
            return wire
        return encode(Frame(Final.TYPE, 9, Final(message.sample, 4, 100, Source.HOST, 5).encode()))

    with bridge_to(ScriptedBoard(mangle=swapped)) as (bridge, _, _):
        outcome = bridge.stream(sample(0, UNSURE))
    assert (outcome.lost, outcome.answer) == ("FINAL carries class 4, the large model's answer was 7", None)


def test_a_refused_sample_is_lost_with_the_reason() -> None:
    with bridge_to(ScriptedBoard()) as (bridge, _, _):
        outcome = bridge.stream(Sample(0, 3, bytes(SIZE - 1)))
    assert outcome.lost == "the board refused it: incomplete sample"


def test_a_busy_board_is_asked_again() -> None:
    def busy(message: Message, wire: bytes) -> bytes:
        assert isinstance(message, Result)
        return encode(Frame(Refused.TYPE, 1, Refused(3, message.sample, Reason.BUSY).encode()))

    count = itertools.count()

    def twice(message: Message, wire: bytes) -> bytes:
        return busy(message, wire) if isinstance(message, Result) and next(count) < 2 else wire

    with bridge_to(ScriptedBoard(mangle=twice)) as (bridge, _, _):
        outcome = bridge.stream(sample(0, CERTAIN))
    assert (outcome.lost, outcome.answer) == (None, 3)
    assert next(count) == 3


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
        with pytest.raises(HostError, match="connection was lost") as error:
            bridge.stream(sample(1, CERTAIN))
        assert error.value.exit_code == 3
