"""The recurrent bench model on emulated boards: the running decision, the decision in time, refusals, the way up and
down."""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from boards import Board
from contract.gate import SCORES, in_time, predicted_class
from emulated_board import Emulated
from firmware.size import Sizes
from host.emulator.qemu import PROGRAM, boot
from host.messages.output import Output, ReadOutput
from host.messages.sample import (
    Answer,
    Decline,
    Final,
    Infer,
    Load,
    Reason,
    Refused,
    Release,
    Resend,
    Result,
    Source,
    Stage,
)
from host.messages.session import HelloRequest
from host.messages.settings import Consent
from host.messages.stream import Finish, Push, Step
from host.port import open_port

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")

Image = Callable[[str], tuple[Board, Path, Sizes]]

# The recurrent bench model (bench_stream/)
FRAME_BYTES = 12
CLASSES = 10
STEPS = 40
MINIMUM_STEPS = 3
THRESHOLD = 20000
ZERO = -3  # the sums before the first frame
TABLE = [1 << (15 - d) for d in range(16)]

NOTHING = [0] * CLASSES  # all classes stay equal: a score of 3276
RISING = [1, *[0] * 9]  # the first class gains one code a frame

# One of each UART driver would show nothing new: frames are received as in test_emulated_board.py.
BOARDS = ("nucleo_f446re", "mps2_an385", "bbc_microbit")


def frame(added: Sequence[int], mark: int = 0) -> bytes:
    return bytes(value & 0xFF for value in added) + mark.to_bytes(2, "little")


def sums(frames: Sequence[Sequence[int]]) -> list[list[int]]:
    """Logits after each frame."""
    found, state = [], [ZERO] * CLASSES
    for added in frames:
        state = [max(-128, min(127, before + by)) for before, by in zip(state, added, strict=True)]
        found.append(state)
    return found


def scores(frames: Sequence[Sequence[int]]) -> list[int]:
    return [SCORES["softmax_response"].code(logits, TABLE, ()) for logits in sums(frames)]


class Streamed(Emulated):
    """Pushes frames and takes what the board says."""

    def push(self, sample: int, step: int, frames: Sequence[Sequence[int]]) -> Step | Result:
        self.link.send(Push(sample, step, b"".join(frame(added, step + i) for i, added in enumerate(frames))))
        answer = self.receive(Step | Result)  # type: ignore[arg-type]
        assert isinstance(answer, Step | Result) and answer.sample == sample
        return answer

    def sequence(self, count: int) -> bytes:
        return self.uplink(count * FRAME_BYTES)


@pytest.fixture(params=BOARDS)
def emulated(request: pytest.FixtureRequest, stream_image: Image) -> Iterator[Streamed]:
    board, elf, _ = stream_image(request.param)
    with boot(board, elf) as url, contextlib.closing(open_port(url, board.uart.baud)) as port:
        yield Streamed(board, port)


def test_hello_tells_of_frames(emulated: Streamed) -> None:
    assert (emulated.hello.input_bytes, emulated.hello.steps, emulated.hello.classes) == (FRAME_BYTES, STEPS, CLASSES)


def test_the_buffer_of_the_sequence_is_in_the_size_report(stream_image: Image, image: Image) -> None:
    _, _, sizes = stream_image("nucleo_f446re")
    assert sizes.sequence_bytes == STEPS * FRAME_BYTES
    assert f"{STEPS * FRAME_BYTES} the buffer for a sequence" in sizes.table()
    _, _, whole = image("nucleo_f446re")
    assert whole.sequence_bytes == 0 and "sequence" not in whole.table()
    assert whole.flash_bytes < sizes.flash_bytes  # a model without state carries none of it


@pytest.mark.parametrize("per_push", [1, 2, 7, 19])
def test_every_step_is_as_on_the_host(emulated: Streamed, per_push: int) -> None:
    random.seed(per_push)
    for sample in range(8):
        drift = [random.choice((0, 0, 1, 2, 3)) for _ in range(CLASSES)]
        frames = [[by + random.randint(-2, 2) for by in drift] for _ in range(STEPS)]
        running, logits = scores(frames), sums(frames)
        steps, accepted = in_time.decide(running, THRESHOLD, MINIMUM_STEPS)
        at = 0
        while True:
            answer = emulated.push(sample, at, frames[at : at + per_push])
            at = min(at + per_push, STEPS)
            if isinstance(answer, Result):
                break
            assert (answer.steps, answer.score) == (at, running[at - 1])
            assert answer.class_index == predicted_class(logits[at - 1])
        assert (answer.steps, answer.accepted) == (steps, accepted)
        assert (answer.score, answer.class_index) == (running[steps - 1], predicted_class(logits[steps - 1]))
        if not accepted:
            sent = b"".join(frame(added, place) for place, added in enumerate(frames))
            assert emulated.sequence(STEPS) == sent
            final = emulated.ask(Answer(sample, 4, 30000), Final)
            assert (final.class_index, final.source) == (4, Source.HOST)
    statistics = emulated.statistics()
    assert statistics.samples == 8 == statistics.accepted + statistics.abstained
    assert (statistics.answered, statistics.refused) == (statistics.abstained, 0)


def test_no_decision_before_the_least_number_of_steps(emulated: Streamed) -> None:
    confident = [[60, *[0] * 9], NOTHING, NOTHING, NOTHING]
    for sample, per_push in enumerate((1, 4)):
        at = 0
        while isinstance(answer := emulated.push(sample, at, confident[at : at + per_push]), Step):
            at += per_push
            assert answer.score > THRESHOLD
        assert (answer.steps, answer.accepted) == (MINIMUM_STEPS, True)


def test_a_sequence_that_ends_early_is_abstained_from_even_if_the_gate_is_confident(emulated: Streamed) -> None:
    confident = [[60, *[0] * 9], NOTHING]
    emulated.push(1, 0, confident)
    result = emulated.ask(Finish(1), Result)
    assert (result.steps, result.accepted, result.class_index) == (2, False, 0)
    assert result.score > THRESHOLD
    assert emulated.sequence(2) == frame(confident[0], 0) + frame(confident[1], 1)
    assert emulated.ask(Answer(1, 2, 3), Final).source == Source.HOST


def test_the_state_is_reset_by_another_sample(emulated: Streamed) -> None:
    first = emulated.push(1, 0, [RISING] * 2)
    for sample in (2, 3):
        assert emulated.push(sample, 0, [NOTHING]).score < first.score
        again = emulated.push(sample, 1, [RISING])
        assert (again.score, again.steps) == (scores([NOTHING, RISING])[1], 2)
        assert emulated.ask(ReadOutput(1, 0), Output).data == b"\x02\x00"  # the second state counts frames
    assert emulated.statistics().samples == 0  # none of them was decided


def test_without_an_answer_the_board_keeps_its_own(emulated: Streamed) -> None:
    assert emulated.link.configure(deadline_ms=40).deadline_ms == 40
    emulated.push(3, 0, [[0, 2, *[0] * 8]])
    result = emulated.ask(Finish(3), Result)
    emulated.sequence(1)
    final = emulated.receive(Final)
    assert (final.class_index, final.probability, final.source) == (1, result.score, Source.FALLBACK)


def test_the_threshold_is_that_of_the_moment(emulated: Streamed) -> None:
    frames = [RISING] * STEPS
    for sample, threshold in enumerate((0, 5000, 16384, 32768, 32769)):
        emulated.link.configure(threshold=threshold)
        steps, accepted = in_time.decide(scores(frames), threshold, MINIMUM_STEPS)
        at = 0
        while isinstance(answer := emulated.push(sample, at, frames[at : at + 10]), Step):
            at += 10
        assert (answer.steps, answer.accepted) == (steps, accepted)
        if not accepted:
            emulated.sequence(STEPS)
            emulated.ask(Answer(sample, 0, 0), Final)


def test_cycles_are_the_sum_over_the_steps(emulated: Streamed) -> None:
    one = emulated.push(1, 0, [NOTHING])
    ten = emulated.push(2, 0, [NOTHING] * 10)
    split = emulated.push(3, 0, [NOTHING] * 4)
    split = emulated.push(3, 4, [NOTHING] * 6)
    assert abs(ten.infer_cycles - 10 * one.infer_cycles) <= 40  # four readings of a counter coarser than an instruction
    assert abs(split.infer_cycles - ten.infer_cycles) <= 40
    assert abs(split.gate_cycles - 10 * one.gate_cycles) <= 40


def test_refusals(emulated: Streamed) -> None:
    whole = frame(NOTHING)
    for data in (b"", whole[:-1], whole + b"x"):
        assert emulated.refused(Push(1, 0, data)) == Reason.OUT_OF_RANGE
    emulated.push(1, 0, [NOTHING])
    assert emulated.refused(Push(0, 0, whole)) == Reason.UNKNOWN_SAMPLE  # an earlier one
    assert emulated.refused(Finish(0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Push(1, STEPS, whole)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Push(1, 0xFFFF, whole)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Push(1, STEPS - 1, whole * 2)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Load(1, 0, whole)) == Reason.WRONG_KIND
    assert emulated.refused(Infer(1)) == Reason.WRONG_KIND
    assert emulated.push(1, 1, [NOTHING]).steps == 2  # none of that has changed anything


def test_a_decided_sequence_is_not_run_again(emulated: Streamed) -> None:
    whole = frame(NOTHING)
    result = emulated.push(1, 0, [NOTHING, NOTHING, [90, *[0] * 9], NOTHING])
    assert isinstance(result, Result) and result.accepted
    for request in (Push(1, 3, whole), Push(1, 0, whole), Finish(1), Answer(1, 0, 0), Decline(1), Resend(1, 0, 1)):
        assert emulated.ask(request, Result) == result
    assert emulated.statistics().samples == 1


def test_frames_that_were_there_before_are_passed_over_and_those_beyond_a_gap_too(emulated: Streamed) -> None:
    frames = [[random.Random(place).randint(-2, 2) for _ in range(CLASSES)] for place in range(20)]
    running = scores(frames)
    at = 0
    for step, count, there in (
        (0, 4, 4),
        (0, 4, 4),
        (2, 5, 7),
        (8, 3, 7),
        (7, 1, 8),
        (0, 12, 12),
        (3, 9, 12),
        (30, 2, 12),
    ):
        data = b"".join(frame(added, step + i) for i, added in enumerate((frames + frames)[step : step + count]))
        answer = emulated.ask(Push(1, step, data), Step)
        assert (answer.steps, answer.score) == (there, running[there - 1])
        assert answer.infer_cycles >= at
        at = answer.infer_cycles
    result = emulated.ask(Finish(1), Result)
    assert emulated.sequence(12) == b"".join(frame(added, place) for place, added in enumerate(frames[:12]))
    assert emulated.ask(Finish(1), Result) == result


def test_a_sequence_without_frames_goes_on(emulated: Streamed) -> None:
    assert emulated.ask(Finish(5), Step).steps == 0
    assert emulated.ask(Push(6, 3, frame(NOTHING)), Step).steps == 0
    assert emulated.push(6, 0, [NOTHING]).steps == 1


def test_a_held_sequence_goes_up_when_it_is_released(emulated: Streamed) -> None:
    emulated.link.configure(consent=Consent.ASK)
    emulated.push(1, 0, [NOTHING, RISING])
    assert emulated.ask(ReadOutput(0, 0), Refused).reason == Reason.NO_CONSENT
    held = emulated.ask(Finish(1), Result)
    assert held.stage == Stage.HELD
    assert emulated.ask(Resend(1, 0, 10), Result) == held == emulated.ask(Push(1, 0, frame(NOTHING)), Result)
    emulated.link.send(Release(1))
    assert emulated.sequence(2) == frame(NOTHING, 0) + frame(RISING, 1)
    assert emulated.ask(Answer(1, 4, 5), Final).source == Source.HOST


def test_a_waiting_board_takes_no_frames(emulated: Streamed) -> None:
    emulated.push(1, 0, [NOTHING])
    emulated.ask(Finish(1), Result)
    emulated.sequence(1)
    for request in (Push(2, 1, frame(NOTHING)), Push(2, 0, frame(NOTHING)), Finish(2)):
        assert emulated.refused(request) == Reason.BUSY
    assert emulated.ask(Answer(1, 4, 5), Final).source == Source.HOST


def test_a_new_session_drops_the_sequence(emulated: Streamed) -> None:
    emulated.push(1, 0, [NOTHING] * 3)
    emulated.handshake()
    assert emulated.refused(ReadOutput(0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.ask(Push(1, 3, frame(NOTHING)), Step).steps == 0
    assert emulated.ask(Finish(1), Step).steps == 0


def test_what_is_no_request_is_counted(emulated: Streamed) -> None:
    before = emulated.statistics()
    for message in (Push, Finish, Infer):
        emulated.port.write(_raw(emulated, message.TYPE, b"\0\0\0"))
    emulated.port.write(_raw(emulated, Finish.TYPE, bytes(5)))
    emulated.port.write(_raw(emulated, Push.TYPE, bytes(5)))
    emulated.port.write(_raw(emulated, Step.TYPE, bytes(17)))
    assert emulated.statistics().unknown_type - before.unknown_type == 6
    assert emulated.ask(HelloRequest(), type(emulated.hello)) == emulated.hello


def _raw(emulated: Streamed, kind: int, payload: bytes) -> bytes:
    from host.frame import Frame, encode

    emulated.link._sequence += 1
    return encode(Frame(kind, emulated.link._sequence - 1, payload))
