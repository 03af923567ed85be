"""The image on emulated boards, over a socket: every message family, refusals, damage on the line, faults, counts."""

import contextlib
import itertools
import json
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boards import Board, load, load_all
from contract.gate import SCORES, predicted_class
from emulated_board import MODEL_HASH, Emulated
from firmware.size import Sizes
from host.emulator.qemu import PROGRAM, arguments, boot, instructions
from host.frame import Frame, encode
from host.messages.output import Output, ReadOutput
from host.messages.sample import Answer, Final, Infer, Load, Reason, Result, Source
from host.messages.session import CycleSource, Engine, Hello, HelloRequest, Level
from host.messages.settings import SetDeadline, SetThreshold, Settings
from host.messages.statistics import StatisticsRequest
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

# One board for each UART driver; test_every_board.py runs the others too. Not one of the older MPS2 machines: below their
# RAM QEMU maps a device that takes every write, so that a stack overflow goes unnoticed.
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
    assert emulated.refused(Answer(7, 9, 32768)) == Reason.UNKNOWN_SAMPLE


def test_without_an_answer_the_board_keeps_its_own(emulated: Emulated) -> None:
    milliseconds = 40
    assert emulated.ask(SetDeadline(milliseconds), Settings) == Settings(THRESHOLD, milliseconds)
    emulated.infer(3, sample_of(TORN))
    emulated.uplink(INPUT_BYTES)
    final = emulated.receive(Final)
    assert (final.sample, final.class_index, final.probability, final.source) == (3, 0, 16384, Source.FALLBACK)
    deadline = milliseconds * emulated.hello.clock_hz // 1000
    assert deadline <= final.wait_cycles < deadline * 1.1
    assert emulated.refused(Answer(3, 1, 1)) == Reason.UNKNOWN_SAMPLE
    assert emulated.statistics().fallbacks == 1


def test_a_deadline_longer_than_a_wrap_of_the_counter_is_kept_too(emulated: Emulated) -> None:
    # 2^24 periods of SysTick: the board sleeps through whole wraps and must wake for the rest.
    wrap_ms = (1 << 24) * 1000 // emulated.hello.clock_hz
    emulated.ask(SetDeadline(wrap_ms * 5 // 2), Settings)
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
    assert emulated.ask(SetThreshold(1), Settings).threshold == 1
    assert emulated.ask(ReadOutput(0, 0), Output).data == bytes(logit & 0xFF for logit in TORN)
    assert emulated.statistics().refused == 3
    assert emulated.ask(Answer(1, 4, 5), Final).source == Source.HOST


def test_refusals(emulated: Emulated) -> None:
    assert emulated.refused(Infer(0)) == Reason.INCOMPLETE_SAMPLE
    assert emulated.refused(ReadOutput(0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Load(5, INPUT_BYTES, b"x")) == Reason.OUT_OF_RANGE
    assert emulated.refused(Load(5, 0xFFFFFFFF, b"x")) == Reason.OUT_OF_RANGE
    assert emulated.refused(Load(5, 1, b"x")) == Reason.INCOMPLETE_SAMPLE
    emulated.load(5, sample_of(CERTAIN)[:-1])
    assert emulated.refused(Infer(5)) == Reason.INCOMPLETE_SAMPLE
    assert emulated.refused(Infer(6)) == Reason.INCOMPLETE_SAMPLE
    emulated.link.send(Load(5, INPUT_BYTES - 1, b"x"))
    assert emulated.ask(Infer(5), Result).accepted
    assert emulated.ask(Infer(5), Result).accepted  # the input survives, so it can be run again
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
    for threshold, accepted in ((16384, True), (16385, False), (0, True), (65535, False)):
        assert emulated.ask(SetThreshold(threshold), Settings) == Settings(threshold, 2000)
        assert emulated.infer(1, data).accepted == accepted
        if not accepted:
            emulated.uplink(INPUT_BYTES)
            emulated.ask(Answer(1, 0, 0), Final)
    assert emulated.handshake().threshold == 65535


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
    emulated.handshake()
    assert emulated.refused(Answer(1, 0, 0)) == Reason.UNKNOWN_SAMPLE
    assert emulated.refused(Infer(1)) == Reason.INCOMPLETE_SAMPLE
    statistics = emulated.statistics()
    assert (statistics.abstained, statistics.answered, statistics.fallbacks) == (1, 0, 1)


def test_instruction_counts_are_exact(emulated: Emulated) -> None:
    def counted(turns: int) -> float:
        return instructions(emulated.board, emulated.infer(1, sample_of(CERTAIN, turns=turns)).infer_cycles)

    tick = instructions(emulated.board, 1)
    assert tick < 1  # single instructions show
    short = counted(1000)
    for turns in (1000, 1001, 1010, 2000, 60000):
        # Two instructions a turn; each reading of the counter is within one tick.
        assert abs(counted(turns) - short - 2 * (turns - 1000)) <= 2 * tick
    gate = instructions(emulated.board, emulated.infer(1, sample_of(CERTAIN)).gate_cycles)
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
        assert emulated.infer(2, sample_of(CERTAIN)).accepted


def test_a_fault_that_comes_back_at_once_stops_the_board(emulated: Emulated) -> None:
    data = sample_of(CERTAIN, TRAP)
    for restarts in range(4):
        emulated.link._sequence = 0  # as after a reset, but without the HELLO that would end the row
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
                for logits in (CERTAIN, TORN):
                    emulated.infer(1, sample_of(logits))
                emulated.uplink(INPUT_BYTES)
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
