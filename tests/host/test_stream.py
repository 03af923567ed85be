"""Sequences over the bridge: frame by frame, and what becomes of them when the line or the board fails them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract import manifest as manifests
from contract.gate import in_time
from contract.manifest import Manifest, Stream, Tensor
from contract.run_folder import RunFolder
from host import feed, vectors
from host.bridge import NO_SAMPLE, Bridge, Sample
from host.errors import HostError
from host.feed import Framewise
from host.frame import Frame, encode
from host.link import Link, connect
from host.messages.sample import Answer, Final, Reason, Refused, Result, Uplink
from host.messages.stream import Finish, Push, Step
from host.messages.wire import Message
from host.port import open_port
from scripted_board import HELLO, MINIMUM_STEPS, MODEL_HASH, ScriptedBoard, hello, unchanged

FRAME, STEPS = 16, 30
TENSOR = Tensor(name="frame", shape=(1, FRAME), dtype="int8", scale=1 / 128, zero_point=0)
STREAM = Stream(steps=STEPS, minimum_steps=MINIMUM_STEPS, low=-1.0, high=1.0, features=None)
BOARD = hello(input_bytes=FRAME, steps=STEPS)
THRESHOLD = HELLO.threshold


class Large:
    """Answers class 7 with probability 0.75, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[NDArray[np.float32]] = []

    def classify(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked.append(samples)
        probabilities = np.full((len(samples), 10), 0.25 / 9, dtype=np.float32)
        probabilities[:, 7] = 0.75
        return probabilities


def sequence(scores: Sequence[int], index: int = 0) -> Sample:
    """Frames of which the scripted board says class 3 and one of the scores each."""
    frames = [
        bytes([3, score, *(place * 7 + i & 0xFF for i in range(FRAME - 2))]) for place, score in enumerate(scores)
    ]
    return Sample(index, label=3, codes=b"".join(frames))


@contextmanager
def bridge_to(board: ScriptedBoard, per_push: int = 4, reply_seconds: float = 5.0,
              ) -> Iterator[tuple[Bridge, Link, Large]]:  # fmt: skip
    large = Large()
    with board, connect(open_port(board.url, 460_800), board.url, "nucleo_f446re", MODEL_HASH) as link:
        yield Bridge(link, large, Framewise(TENSOR, STREAM, per_push), reply_seconds), link, large


def only(
    number: int, kind: type[Message], change: Callable[[Message, bytes], bytes]
) -> Callable[[Message, bytes], bytes]:
    """A fault in message `number` of a kind; the others are sent as they are."""
    count = itertools.count()
    return lambda message, wire: change(message, wire) if isinstance(message, kind) and next(count) == number else wire


def lost(message: Message, wire: bytes) -> bytes:
    return b""


CONFIDENT = [10, 10, 10, 10, 10, 200, *[10] * (STEPS - 6)]  # in frame 6
UNSURE = [10] * STEPS


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("per_push", [1, 4, 14])
def test_an_answer_in_time_ends_the_sequence(per_push: int) -> None:
    with bridge_to(ScriptedBoard(BOARD), per_push) as (bridge, link, large):
        outcome = bridge.stream(sequence(CONFIDENT))
        assert link.counters.lost == 0
    assert (outcome.accepted, outcome.answer, outcome.source, outcome.lost) == (True, 3, "board", None)
    assert (outcome.steps, outcome.infer_cycles, outcome.gate_cycles) == (6, 6000, 60)
    pushes = -(-6 // per_push)
    assert outcome.bytes_sent == pushes * (6 + FRAME * per_push + 9)  # nothing is pushed after the answer
    assert list(outcome.seconds) == ["result"] and large.asked == []


@pytest.mark.parametrize("per_push", [1, 4, 14])
def test_an_abstained_sequence_goes_to_the_large_model_as_the_board_sent_it(per_push: int) -> None:
    sent = sequence(UNSURE)
    with bridge_to(ScriptedBoard(BOARD), per_push) as (bridge, _, large):
        outcome = bridge.stream(sent)
    assert (outcome.accepted, outcome.answer, outcome.source, outcome.lost) == (False, 7, "host", None)
    assert (outcome.steps, outcome.board_class, outcome.large_class) == (STEPS, 3, 7)
    assert list(outcome.seconds) == ["result", "uplink", "large", "final"]
    (asked,) = large.asked
    assert asked.shape == (1, STEPS, FRAME) and asked.dtype == np.float32
    real = np.frombuffer(sent.codes, np.int8).reshape(STEPS, FRAME) / 128  # in -1 .. 1
    np.testing.assert_allclose(asked[0], (real + 1) / 2, atol=1e-6)


def test_a_shorter_sequence_is_finished_and_filled_up_for_the_large_model() -> None:
    with bridge_to(ScriptedBoard(BOARD)) as (bridge, _, large):
        outcome = bridge.stream(sequence(UNSURE[:9]))
        assert bridge.stream(sequence([200, 200])).accepted is False  # too few frames for an answer
    assert (outcome.steps, outcome.source) == (9, "host")
    assert large.asked[0].shape == (1, STEPS, FRAME) and not large.asked[0][0, 9:].any()
    assert large.asked[1][0, :2].any() and not large.asked[1][0, 2:].any()


def own(*frames: bytes) -> ScriptedBoard:
    """A board whose source has these frames, some at a time, and nothing after them."""
    return ScriptedBoard(replace(BOARD, source="ear"), source=itertools.chain(frames, itertools.repeat(b"")))


OWN = Sample(0, None, b"")


def test_a_board_takes_the_frames_of_its_own_as_they_come() -> None:
    codes, size = sequence(CONFIDENT).codes, FRAME
    board = own(b"", codes[: 2 * size], b"", b"", codes[2 * size : 3 * size], codes[3 * size : 9 * size])
    with bridge_to(board) as (bridge, _, large):
        outcome = bridge.stream(OWN)
    assert (outcome.origin, outcome.steps, outcome.source, outcome.answer, outcome.lost) == (1, 6, "board", 3, None)
    assert outcome.repeats == 0 and large.asked == []


def test_a_sequence_of_the_boards_own_comes_up_when_it_abstains() -> None:
    sent = sequence(UNSURE)
    with bridge_to(own(sent.codes)) as (bridge, _, large):
        outcome = bridge.stream(OWN)
    assert (outcome.origin, outcome.steps, outcome.source, outcome.answer) == (1, STEPS, "host", 7)
    real = np.frombuffer(sent.codes, np.int8).reshape(STEPS, FRAME) / 128
    np.testing.assert_allclose(large.asked[0][0], (real + 1) / 2, atol=1e-6)


def test_a_source_that_stops_within_a_sequence_loses_it() -> None:
    with bridge_to(own(sequence(UNSURE[:4]).codes), reply_seconds=0.2) as (bridge, _, _):
        outcome = bridge.stream(OWN)
        assert bridge.stream(OWN).lost == NO_SAMPLE
    assert (outcome.lost, outcome.steps) == ("no STEP or RESULT within 0.2 s", 4)


@pytest.mark.parametrize("kind", [Push, Finish, Answer])
def test_what_the_board_does_not_hear_is_said_again(kind: type[Message]) -> None:
    count = itertools.count()
    board = ScriptedBoard(
        replace(BOARD, deadline_ms=2000), hear=lambda message: not isinstance(message, kind) or next(count) != 1
    )
    with bridge_to(board) as (bridge, _, large):
        first, second = bridge.stream(sequence(UNSURE[:9])), bridge.stream(sequence(UNSURE[:9]))
    assert [(of.lost, of.source, of.steps) for of in (first, second)] == [(None, "host", 9)] * 2
    assert first.repeats + second.repeats >= 1
    assert board.runs == 18 and len(large.asked) == 2


@pytest.mark.parametrize("kind", [Step, Result, Uplink, Final])
def test_what_the_line_loses_is_asked_for_again(kind: type[Message]) -> None:
    board = ScriptedBoard(replace(BOARD, deadline_ms=2000), mangle=only(0, kind, lost))
    with bridge_to(board) as (bridge, link, large):
        first, second = bridge.stream(sequence(UNSURE)), bridge.stream(sequence(CONFIDENT))
        assert link.repeated >= first.repeats >= 1
    assert (first.lost, first.source, first.answer, first.steps) == (None, "host", 7, STEPS)
    assert (second.lost, second.answer, second.steps) == (None, 3, 6)
    assert board.runs == STEPS + 6 and len(large.asked) == 1


def test_a_board_that_counts_otherwise_gets_nowhere_and_the_sequence_is_lost() -> None:
    def one_more(message: Message, wire: bytes) -> bytes:
        assert isinstance(message, Step)
        fields = {"sample": message.sample, "steps": message.steps + 1, "class_index": 3, "score": 10}
        return encode(Frame(Step.TYPE, 4, Step(**fields, infer_cycles=1, gate_cycles=1).encode()))

    with bridge_to(ScriptedBoard(BOARD, mangle=only(0, Step, one_more)), reply_seconds=0.3) as (bridge, _, _):
        outcome = bridge.stream(sequence(UNSURE))
    assert outcome.lost == "no STEP or RESULT within 0.3 s"


@pytest.mark.usefixtures("patient")
def test_a_step_heard_twice_pushes_nothing_twice() -> None:
    with bridge_to(ScriptedBoard(BOARD, mangle=lambda message, wire: wire * (1 + isinstance(message, Step)))) as (
        bridge,
        _,
        _,
    ):
        outcome = bridge.stream(sequence(CONFIDENT))
    assert (outcome.lost, outcome.steps, outcome.bytes_sent) == (None, 6, 2 * (6 + 4 * FRAME + 9))


def test_an_answer_that_does_not_arrive_ends_in_the_fallback() -> None:
    with bridge_to(ScriptedBoard(BOARD, deaf_to=(Answer,))) as (bridge, _, _):
        assert bridge.stream(sequence(UNSURE)).source == "fallback"


def test_a_busy_board_is_asked_again_from_the_first_frame() -> None:
    def busy(message: Message, wire: bytes) -> bytes:
        assert isinstance(message, Step)
        return encode(Frame(Refused.TYPE, 1, Refused(Push.TYPE, message.sample, Reason.BUSY).encode()))

    with bridge_to(ScriptedBoard(BOARD, mangle=only(0, Step, busy))) as (bridge, _, _):
        outcome = bridge.stream(sequence(CONFIDENT))
    assert (outcome.lost, outcome.answer, outcome.steps) == (None, 3, 6)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=STEPS), st.integers(0, 255), st.integers(1, 14))
def test_requests_cover_every_frame_once(scores: list[int], number: int, per_push: int) -> None:
    fed, codes, taken = Framewise(TENSOR, STREAM, per_push), sequence(scores).codes, 0
    pushed = b""
    while not isinstance(request := fed.requests(number, codes, taken)[0], Finish):
        assert isinstance(request, Push) and (request.sample, request.step) == (number, taken)
        assert 0 < len(request.data) <= per_push * FRAME and len(request.encode()) <= 240
        pushed += request.data
        taken += len(request.data) // FRAME
    assert pushed == codes and request.sample == number


@pytest.mark.parametrize("threshold", [0, 50, THRESHOLD, 200, 201, 65535])
def test_a_changed_threshold_is_expected_in_time(threshold: int, recurrent_folder: RunFolder) -> None:
    """What the vectors make the host expect is what a board with that threshold says, sequence by sequence."""
    split = vectors.load(recurrent_folder, manifests.load(recurrent_folder.manifest))
    samples = list(split.samples())
    expected = [split.expected(sample.index, threshold) for sample in samples]
    with bridge_to(ScriptedBoard(BOARD, mangle=unchanged)) as (bridge, link, _):
        link.configure(threshold=threshold)
        found = [bridge.stream(sample) for sample in samples]
    assert len(found) > 5 and any(outcome.steps > 1 for outcome in found)
    for outcome, wanted in zip(found, expected, strict=True):
        assert outcome.lost is None
        assert (outcome.steps, outcome.accepted) == (wanted.steps, wanted.accepted)
        assert (outcome.board_class, outcome.score) == (wanted.board_class, wanted.score)
        scores = list(samples[outcome.sample].codes[1::FRAME])
        assert (wanted.steps, wanted.accepted) == in_time.decide(scores, threshold, MINIMUM_STEPS)


def recurrent(manifest: Manifest, frame: int) -> Manifest:
    return replace(manifest, stream=STREAM, inputs=(Tensor("frame", (1, frame), "int8", 1 / 128, 0),))


def test_as_many_frames_as_fit_are_pushed_at_once(run_folder: RunFolder) -> None:
    manifest = manifests.load(run_folder.manifest)
    for size, most in ((16, 14), (1, 234), (117, 2), (118, 1), (234, 1)):
        assert feed.of(recurrent(manifest, size)) == feed.of(recurrent(manifest, size), most)
        with pytest.raises(HostError, match=rf"{most + 1} frames of {size} bytes.*234 bytes fit") as caught:
            feed.of(recurrent(manifest, size), most + 1)
        assert f"--frames-per-push up to {most}" in caught.value.next_step


def test_frames_that_cannot_be_fed_are_refused(run_folder: RunFolder) -> None:
    manifest = manifests.load(run_folder.manifest)
    with pytest.raises(HostError, match="1 frames of 235 bytes"):
        feed.of(recurrent(manifest, 235))
    with pytest.raises(HostError, match="has no state and takes whole samples"):
        feed.of(manifest, 1)
