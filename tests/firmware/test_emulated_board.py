"""The image on emulated boards, over a socket: every message family, refusals, damage on the line, faults, counts."""

import contextlib
import itertools
import json
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from boards import Board, load, load_all
from contract.gate import SCORES, predicted_class
from contract.run_folder import RunFolder
from emulated_board import MODEL_HASH, Emulated
from firmware.build import build
from firmware.size import Sizes
from host.clock import ClockOffset
from host.emulator.qemu import PROGRAM, arguments, boot, instructions
from host.frame import Frame, encode
from host.link import SessionLost
from host.messages.output import Output, ReadOutput
from host.messages.sample import (
    Answer,
    Capture,
    Decline,
    Final,
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
from host.messages.session import CycleSource, Engine, Hello, HelloRequest, Level, Ping, Pong
from host.messages.settings import Consent
from host.messages.statistics import StatisticsRequest
from host.messages.stream import Finish, Push
from host.messages.wire import Message
from host.port import open_port

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")

Image = Callable[[str], tuple[Board, Path, Sizes]]

# The bench model (bench/model.c, model_gate.c)
INPUT_BYTES = 600
CLASSES = 10
THRESHOLD = 20000
TABLE = [1 << (15 - d) for d in range(16)]
COMMAND = 10
RUN, TRAP, OVERFLOW = 0, 1, 2

CERTAIN = [50, *[-50] * 9]
TORN = [7, 7, *[-50] * 8]  # a score of 16384

# One board for each UART driver; test_every_board.py runs the others too. Not one of the older MPS2 machines: below
# their RAM QEMU maps a device that takes every write, so that a stack overflow goes unnoticed.
BOARDS = ("nucleo_f446re", "mps2_an505", "bbc_microbit")


def sample_of(logits: list[int], command: int = RUN, turns: int = 1) -> bytes:
    """An input that makes the bench model do that."""
    filler = bytes(range(256)) * 3
    head = bytes(logit & 0xFF for logit in logits) + bytes([command]) + (turns - 1).to_bytes(2, "little")
    return (head + filler)[:INPUT_BYTES]


@pytest.fixture(params=BOARDS)
def emulated(request: pytest.FixtureRequest, image: Image) -> Iterator[Emulated]:
    board, elf, _ = image(request.param)
    with boot(board, elf) as url, contextlib.closing(open_port(url, board.uart.baud)) as port:
        yield Emulated(board, port)


def test_every_uart_driver_is_tested() -> None:
    drivers = {board.uart.DRIVER for board in load_all() if board.emulator.qemu}
    assert drivers == {load(name).uart.DRIVER for name in BOARDS}


def test_hello(emulated: Emulated) -> None:
    hello = emulated.hello
    assert isinstance(hello, Hello)
    assert (hello.board, hello.model_hash) == (emulated.board.name, MODEL_HASH)
    # QEMU models no clock tree of the STM32, so that image stays on the internal oscillator.
    assert hello.clock_hz == emulated.board.clock.fallback_hz
    source = CycleSource.SYSTICK if emulated.board.ticks.DRIVER == "systick" else CycleSource.TIMER
    assert (hello.cycle_source, hello.engine) == (source, Engine.AOT)
    assert (hello.input_bytes, hello.output_bytes, hello.ram_bytes) == (INPUT_BYTES, CLASSES, 1210)
    assert (hello.classes, hello.threshold, hello.deadline_ms) == (CLASSES, THRESHOLD, 2000)
    assert (hello.consent, hello.consent_ms, hello.receive_bytes) == (Consent.ALWAYS, 30_000, 512)
    assert (hello.source, hello.source_count) == ("", 0)
    assert hello.firmware.startswith("demur ")


def test_the_gate_decides_as_on_the_host(emulated: Emulated) -> None:
    random.seed(6)
    for sample in range(40):
        low = random.randint(-128, 100)
        logits = [random.randint(low, min(127, low + random.choice((2, 6, 60)))) for _ in range(CLASSES)]
        score = SCORES["softmax_response"].code(logits, TABLE, ())
        result = emulated.infer(sample, sample_of(logits))
        assert (result.sample, result.class_index, result.score) == (sample, predicted_class(logits), score)
        assert result.accepted == (score >= THRESHOLD)
        if not result.accepted:
            emulated.uplink(INPUT_BYTES)
            emulated.ask(Answer(sample, 0, 0), Final)
    statistics = emulated.statistics()
    assert statistics.samples == 40 == statistics.accepted + statistics.abstained
    assert statistics.answered == statistics.abstained > 0 < statistics.accepted


def test_an_abstained_sample_is_sent_up_and_answered(emulated: Emulated) -> None:
    data = sample_of(TORN)
    result = emulated.infer(7, data)
    assert (result.class_index, result.score, result.accepted) == (0, 16384, False)
    assert emulated.uplink(INPUT_BYTES) == data
    final = emulated.ask(Answer(7, 9, 32768), Final)
    assert (final.sample, final.class_index, final.probability, final.source) == (7, 9, 32768, Source.HOST)
    assert final.wait_cycles > 0
    for late in (
        Answer(7, 9, 32768),
        Answer(7, 1, 1),
        Decline(7),
        Release(7),
        Resend(7, 0, 100),
        Infer(7),
        Load(7, 0, b"x"),
    ):
        assert emulated.ended(late) == (result, final)
    assert emulated.statistics().answered == 1 == emulated.statistics().samples


def test_a_decided_sample_is_not_run_again(emulated: Emulated) -> None:
    data = sample_of(CERTAIN)
    first = emulated.infer(3, data)
    assert emulated.ask(Infer(3), Result) == first
    assert emulated.ask(Load(3, 0, sample_of(TORN)[:100]), Result) == first
    assert emulated.ask(Infer(3), Result) == first
    assert emulated.statistics().samples == 1
    assert emulated.infer(4, data).ticks > first.ticks


def test_an_earlier_sample_does_not_come_back(emulated: Emulated) -> None:
    last = 0xFFFFFFFE
    assert emulated.infer(last, sample_of(CERTAIN)).accepted
    assert emulated.refused(Load(last - 1, 0, b"x")) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Infer(last - 0x7FFFFFFF)) == Reason.UNKNOWN_SAMPLE
    assert emulated.infer(1, sample_of(CERTAIN)).sample == 1  # 3 later, over the wrap
    assert emulated.refused(Infer(last)) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Decline(last)) == Reason.UNKNOWN_SAMPLE


def test_pieces_of_an_abstained_sample_are_sent_again(emulated: Emulated) -> None:
    data = sample_of(TORN)
    emulated.infer(2, data)
    emulated.uplink(INPUT_BYTES)
    for offset, length, found in ((0, 32, 32), (590, 32, 10), (599, 1, 1), (100, 0xFFFF, 228), (5, 0, 0)):
        piece = emulated.ask(Resend(2, offset, length), Uplink)
        assert piece == Uplink(2, offset, INPUT_BYTES, data[offset : offset + found])
    assert emulated.refused(Resend(2, INPUT_BYTES, 1)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Resend(2, 0xFFFFFFFF, 1)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Resend(1, 0, 1)) == Reason.UNKNOWN_SAMPLE
    assert emulated.ask(Answer(2, 1, 1), Final).source == Source.HOST


def test_a_piece_sent_again_begins_the_wait_anew(emulated: Emulated) -> None:
    milliseconds = 60
    emulated.link.configure(deadline_ms=milliseconds)
    started = emulated.infer(2, sample_of(TORN)).ticks
    emulated.uplink(INPUT_BYTES)
    while emulated.ticks() - started < milliseconds * emulated.hello.clock_hz // 1000 * 3:
        emulated.ask(Resend(2, 0, 32), Uplink)
    assert emulated.receive(Final).source == Source.FALLBACK


def test_a_board_that_is_told_of_no_answer_waits_no_longer(emulated: Emulated) -> None:
    emulated.link.configure(deadline_ms=0xFFFFFFFF)
    result = emulated.infer(2, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    final = emulated.ask(Decline(2), Final)
    assert (final.source, final.class_index, final.probability) == (Source.FALLBACK, 0, 16384)
    assert emulated.ended(Answer(2, 1, 1)) == (result, final)


def leaks(emulated: Emulated, number: int) -> list[Message]:
    """Whatever the board says to all that could make it send a sample up, or what tells of it."""
    said: list[Message] = []
    requests = [Resend(number, 0, 228), Infer(number), Load(number, 0, b"x"), ReadOutput(0, 0), ReadOutput(1, 0)]
    requests += [Answer(number, 0, 0), Push(number, 0, b"x"), Finish(number)]
    emulated.link.configure(consent=Consent.ALWAYS)  # not of a sample that was decided before
    for request in requests:
        emulated.link.send(request)
    emulated.link.send(Ping(7))
    while not isinstance(message := emulated.receive(Message), Pong):
        said.append(message)
    return said


def test_a_held_sample_stays_until_it_is_released(emulated: Emulated) -> None:
    assert emulated.link.configure(consent=Consent.ASK).consent == Consent.ASK
    data = sample_of(TORN)
    held = emulated.infer(1, data)
    assert (held.stage, held.class_index, held.accepted) == (Stage.HELD, 0, False)
    said = leaks(emulated, 1)
    assert {type(message) for message in said} == {Result, Refused}
    assert [message for message in said if isinstance(message, Result)] == [held] * 4
    assert [message.reason for message in said if isinstance(message, Refused)] == [
        *[Reason.NO_CONSENT] * 2,
        *[Reason.WRONG_KIND] * 2,
    ]
    assert emulated.refused(Infer(2)) == Reason.BUSY
    emulated.link.send(Release(1))
    assert emulated.uplink(INPUT_BYTES) == data
    assert emulated.ask(Release(1), Result) == replace(held, stage=Stage.SENT_UP)
    assert emulated.ask(ReadOutput(0, 0), Output).data
    assert emulated.ask(Answer(1, 5, 1), Final).source == Source.HOST


def test_a_sample_that_came_under_stricter_consent_keeps_it(emulated: Emulated) -> None:
    emulated.link.configure(consent=Consent.ASK)
    data = sample_of(TORN)
    emulated.link.send(*(Load(1, at, data[at : at + 200]) for at in range(0, len(data), 200)))
    assert emulated.link.configure(consent=Consent.ALWAYS).consent == Consent.ASK
    assert emulated.ask(Infer(1), Result).stage == Stage.HELD


@pytest.mark.parametrize("declined", [True, False])
def test_a_held_sample_that_is_not_released_ends_on_the_board(emulated: Emulated, declined: bool) -> None:
    milliseconds = 40
    emulated.link.configure(consent=Consent.ASK, consent_ms=0xFFFFFFFF if declined else milliseconds)
    held = emulated.infer(1, sample_of(TORN))
    if declined:
        emulated.link.send(Decline(1))
    final = emulated.receive(Final)
    assert (final.source, final.class_index, final.probability) == (Source.WITHHELD, 0, 16384)
    if not declined:
        assert final.wait_cycles >= milliseconds * emulated.hello.clock_hz // 1000
    assert emulated.ended(Release(1)) == (replace(held, stage=Stage.WITHHELD), final)
    assert not any(isinstance(message, Uplink | Output) for message in leaks(emulated, 1))
    statistics = emulated.statistics()
    assert (statistics.withheld, statistics.fallbacks, statistics.abstained) == (1, 0, 1)


def test_nothing_leaves_a_board_that_never_sends_samples_up(emulated: Emulated) -> None:
    emulated.link.configure(consent=Consent.NEVER)
    result = emulated.infer(1, sample_of(TORN))
    final = emulated.receive(Final)
    assert (result.stage, final.source) == (Stage.WITHHELD, Source.WITHHELD)
    assert emulated.ended(Release(1)) == (result, final)
    assert not any(isinstance(message, Uplink | Output) for message in leaks(emulated, 1))
    emulated.link.configure(consent=Consent.NEVER)
    assert emulated.infer(2, sample_of(CERTAIN)).accepted
    assert not any(isinstance(message, Output) for message in leaks(emulated, 2))


def test_a_board_built_to_ask_cannot_be_told_otherwise(bench: RunFolder, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    shutil.copytree(bench.path, tmp_path / "asks", ignore=shutil.ignore_patterns("firmware"))
    board, run = load("nucleo"), RunFolder(tmp_path / "asks")
    build(run, board, consent="ask")
    elf = run.firmware(board.name) / "firmware.elf"
    with boot(board, elf) as url, contextlib.closing(open_port(url, board.uart.baud)) as port:
        emulated = Emulated(board, port)
        assert emulated.hello.consent == Consent.ASK
        assert emulated.link.configure(consent=Consent.ALWAYS).consent == Consent.ASK
        assert emulated.infer(1, sample_of(TORN)).stage == Stage.HELD
        assert emulated.link.configure(consent=Consent.NEVER).consent == Consent.NEVER


def test_without_a_session_nothing_is_served(emulated: Emulated) -> None:
    emulated.load(1, sample_of(CERTAIN, TRAP))
    emulated.link.send(Infer(1))
    emulated.log()
    requests = [Load(1, 0, b"x"), Infer(1), Answer(1, 0, 0), Decline(1), Ping(1), StatisticsRequest(), ReadOutput(0, 0)]
    for request in requests:
        with pytest.raises(SessionLost):
            emulated.ask(request, Refused)
    assert emulated.handshake().board == emulated.board.name
    assert emulated.statistics().refused == len(requests)
    assert emulated.infer(1, sample_of(CERTAIN)).accepted


def test_the_clock_is_that_of_the_decisions(emulated: Emulated) -> None:
    before = emulated.ticks()
    decided = emulated.infer(1, sample_of(CERTAIN, turns=5000)).ticks
    assert before < decided < emulated.ticks()
    offset = ClockOffset(emulated.hello.clock_hz)
    for _ in range(5):
        offset.add(*emulated.link.ping())
    assert 0 < offset.error < 1


def test_without_an_answer_the_board_keeps_its_own(emulated: Emulated) -> None:
    milliseconds = 40
    assert emulated.link.configure(deadline_ms=milliseconds).deadline_ms == milliseconds
    emulated.infer(3, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    final = emulated.receive(Final)
    assert (final.sample, final.class_index, final.probability, final.source) == (3, 0, 16384, Source.FALLBACK)
    deadline = milliseconds * emulated.hello.clock_hz // 1000
    assert deadline <= final.wait_cycles < deadline * 1.1
    assert emulated.ended(Answer(3, 1, 1))[1] == final
    assert emulated.statistics().fallbacks == 1


def test_a_deadline_longer_than_a_wrap_of_the_counter_is_kept_too(emulated: Emulated) -> None:
    # 2^24 periods of SysTick: the board sleeps through whole wraps and must wake for the rest.
    wrap_ms = (1 << 24) * 1000 // emulated.hello.clock_hz
    emulated.link.configure(deadline_ms=wrap_ms * 5 // 2)
    emulated.infer(3, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    deadline = wrap_ms * 5 // 2 * (emulated.hello.clock_hz // 1000)
    assert deadline <= emulated.receive(Final).wait_cycles < deadline * 1.01


def test_a_waiting_board_serves_all_but_samples(emulated: Emulated) -> None:
    emulated.infer(1, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    assert emulated.refused(Load(2, 0, b"x")) == Reason.BUSY
    assert emulated.refused(Infer(2)) == Reason.BUSY
    assert emulated.refused(Answer(2, 0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.link.configure(threshold=1).threshold == 1
    assert emulated.ask(ReadOutput(0, 0), Output).data == bytes(logit & 0xFF for logit in TORN)
    assert emulated.statistics().refused == 3
    assert emulated.ask(Answer(1, 4, 5), Final).source == Source.HOST


def test_refusals(emulated: Emulated) -> None:
    emulated.link.send(Infer(0))
    assert emulated.receive(Loaded).length == 0
    assert emulated.refused(ReadOutput(0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Capture(5)) == Reason.NO_SOURCE
    assert emulated.refused(Load(5, INPUT_BYTES, b"x")) == Reason.OUT_OF_RANGE
    assert emulated.refused(Load(5, 0xFFFFFFFF, b"x")) == Reason.OUT_OF_RANGE
    for offset, length, there in ((1, 10, 0), (0, 10, 10), (5, 5, 10), (11, 1, 10), (0, 0, 10), (5, 100, 105)):
        emulated.link.send(Load(5, offset, sample_of(CERTAIN)[offset : offset + length]))
        request = emulated.link.send(Infer(5))
        assert emulated.receive(Loaded) == Loaded(5, there, request)
    emulated.load(5, sample_of(CERTAIN)[:-1])
    assert emulated.ask(Infer(5), Loaded).length == INPUT_BYTES - 1
    emulated.link.send(Load(5, INPUT_BYTES - 1, b"x"))
    assert emulated.ask(Infer(5), Result).accepted
    assert emulated.refused(ReadOutput(2, 0)) == Reason.OUT_OF_RANGE
    assert emulated.refused(ReadOutput(0, CLASSES + 1)) == Reason.OUT_OF_RANGE
    emulated.infer(8, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    assert emulated.refused(Answer(8, CLASSES, 0)) == Reason.OUT_OF_RANGE
    assert emulated.refused(Answer(8, 0, 32769)) == Reason.OUT_OF_RANGE
    assert emulated.ask(Answer(8, CLASSES - 1, 0), Final).class_index == CLASSES - 1


def test_outputs_are_read_in_pieces(emulated: Emulated) -> None:
    data = sample_of(CERTAIN)
    emulated.infer(1, data)
    read = b""
    while piece := emulated.ask(ReadOutput(1, len(read)), Output).data:
        read += piece
    assert read == data[::-1]


def test_the_threshold_can_be_changed_and_stays(emulated: Emulated) -> None:
    data = sample_of(TORN)
    for sample, (threshold, accepted) in enumerate(((16384, True), (16385, False), (0, True), (65535, False))):
        assert emulated.link.configure(threshold=threshold).threshold == threshold
        assert emulated.infer(sample, data).accepted == accepted
        if not accepted:
            emulated.uplink(INPUT_BYTES)
            emulated.ask(Answer(sample, 0, 0), Final)
    emulated.handshake()
    assert emulated.infer(0, sample_of(CERTAIN)).accepted  # a new session has the settings of the build


def test_damage_on_the_line_is_counted_and_survived(emulated: Emulated) -> None:
    before = emulated.statistics()
    good = encode(Frame(Infer.TYPE, 0, Infer(0).encode()))
    flipped = bytes([good[0]]) + bytes([good[1] ^ 0x40]) + good[2:]
    emulated.port.write(flipped + good[1:] + b"\x07\x01\0" + b"a" * 600 + b"\0" + b"\0\0")
    after = emulated.statistics()
    assert after.oversize - before.oversize == 1
    assert after.crc_errors + after.cobs_errors - before.crc_errors - before.cobs_errors == 3
    assert after.refused == before.refused
    assert emulated.infer(1, sample_of(CERTAIN)).accepted


def test_what_is_no_request_is_counted_and_not_answered(emulated: Emulated) -> None:
    before = emulated.statistics()
    wrong = [(0x7F, b""), (Hello.TYPE, b""), (Infer.TYPE, b"\0" * 3), (Infer.TYPE, b"\0" * 5), (Load.TYPE, b"\0" * 7),
             (HelloRequest.TYPE, b"\0"), (StatisticsRequest.TYPE, b"\0"), (ReadOutput.TYPE, b"")]  # fmt: skip
    for kind, payload in wrong:
        emulated.port.write(encode(Frame(kind, emulated.link._sequence, payload)))
        emulated.link._sequence += 1
    after = emulated.statistics()
    assert after.unknown_type - before.unknown_type == len(wrong)
    assert after.frames_received - before.frames_received == len(wrong) + 1
    assert after.frames_lost == before.frames_lost
    assert emulated.silent()


def test_lost_frames_are_counted(emulated: Emulated) -> None:
    before = emulated.statistics()
    emulated.link._sequence += 5  # five frames that never were
    assert emulated.statistics().frames_lost - before.frames_lost == 5


def test_samples_back_to_back_are_received_without_a_loss(emulated: Emulated) -> None:
    # Nothing is answered meanwhile, so the board must take 25 KB at whatever speed the socket has.
    before = emulated.statistics()
    for sample in range(40):
        emulated.load(sample, sample_of(CERTAIN))
    assert emulated.ask(Infer(39), Result).accepted
    statistics = emulated.statistics()
    assert statistics.frames_received - before.frames_received == 40 * 3 + 2
    assert (statistics.receive_overruns, statistics.frames_lost, statistics.refused) == (0, 0, 0)


def test_a_new_session_drops_the_old_sample(emulated: Emulated) -> None:
    emulated.infer(1, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    emulated.link.request(HelloRequest(), Hello)  # that alone begins none
    assert emulated.ask(Infer(1), Result).stage == Stage.SENT_UP
    emulated.handshake()
    assert emulated.refused(Answer(1, 0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.ask(Infer(1), Loaded).length == 0
    statistics = emulated.statistics()
    assert (statistics.abstained, statistics.answered, statistics.fallbacks) == (1, 0, 1)


def test_instruction_counts_are_exact(emulated: Emulated) -> None:
    numbers = itertools.count()

    def counted(turns: int) -> float:
        return instructions(emulated.board, emulated.infer(next(numbers), sample_of(CERTAIN, turns=turns)).infer_cycles)

    tick = instructions(emulated.board, 1)
    assert tick < 1  # single instructions show
    short = counted(1000)
    for turns in (1000, 1001, 1010, 2000, 60000):
        # Two instructions a turn; each reading of the counter is within one tick.
        assert abs(counted(turns) - short - 2 * (turns - 1000)) <= 2 * tick
    gate = instructions(emulated.board, emulated.infer(next(numbers), sample_of(CERTAIN)).gate_cycles)
    assert 10 * CLASSES < gate < 50 * CLASSES


@pytest.mark.parametrize("command", [TRAP, OVERFLOW], ids=["undefined instruction", "stack overflow"])
def test_a_fault_ends_in_a_restart_that_says_so(emulated: Emulated, command: int) -> None:
    data = sample_of(CERTAIN, command)
    for _ in range(5):  # more often than faults in a row are forgiven: each HELLO ends the row
        emulated.load(1, data)
        emulated.link.send(Infer(1))
        log = emulated.log()
        assert log.level == Level.ERROR
        assert "restarted by a fault: exception 0x00000003" in log.text
        emulated.handshake()
        assert emulated.infer(0, sample_of(CERTAIN)).accepted


def test_a_fault_that_comes_back_at_once_stops_the_board(emulated: Emulated) -> None:
    data = sample_of(CERTAIN, TRAP)
    for restarts in range(4):
        emulated.link._sequence = 0  # as after a reset, but without the HELLO that would end the row
        emulated.link.configure()
        emulated.load(1, data)
        emulated.link.send(Infer(1))
        if restarts < 3:
            emulated.log()
    emulated.link.send(HelloRequest())
    assert emulated.silent(1.0) and not emulated.logs


@pytest.mark.parametrize("name", [board.name for board in load_all() if board.emulator.qemu])
def test_half_of_the_stack_is_never_used(name: str, image: Image, tmp_path: Path) -> None:
    board, elf, _ = image(name)
    machine = board.emulator.qemu
    assert machine is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        control = tmp_path / "qmp"
        command = [PROGRAM, *arguments(machine, elf, listener.fileno()), "-qmp", f"unix:{control},server=on,wait=off"]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL)
        try:
            url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
            with contextlib.closing(open_port(url, board.uart.baud)) as port:
                emulated = Emulated(board, port)
                for sample, logits in enumerate((CERTAIN, TORN)):
                    emulated.infer(sample, sample_of(logits))
                emulated.uplink(INPUT_BYTES)
                emulated.ask(Resend(1, 0, 228), Uplink)
                emulated.ask(Answer(1, 0, 0), Final)
                emulated.ask(ReadOutput(1, 0), Output)
                emulated.statistics()
                emulated.handshake()
                stack = memory(control, board.memory.ram.origin, board.memory.stack, tmp_path / "stack")
        finally:
            process.kill()
            process.wait()
    words = [stack[at : at + 4] for at in range(0, len(stack), 4)]
    untouched = len(list(itertools.takewhile(lambda word: word == bytes.fromhex("11f1ac57"), words))) * 4
    assert board.memory.stack // 2 <= untouched < board.memory.stack


def memory(control: Path, address: int, length: int, file: Path) -> bytes:
    """A stretch of memory as the core sees it, through QEMU's control socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(control))
        stream = connection.makefile("rw")
        stream.readline()  # the greeting
        for command in (
            {"execute": "qmp_capabilities"},
            {"execute": "memsave", "arguments": {"val": address, "size": length, "filename": str(file)}},
        ):
            stream.write(json.dumps(command) + "\n")
            stream.flush()
            while "return" not in (reply := json.loads(stream.readline())):
                assert "error" not in reply, reply
    return file.read_bytes()
