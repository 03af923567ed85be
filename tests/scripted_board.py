"""A board in Python behind a TCP socket, for what a real one cannot be made to do: faults, silence, wrong answers.

    with ScriptedBoard() as board:
        port = open_port(board.url, baud=460_800)

It keeps to the protocol. Class and score of a sample are its first two input codes, read as unsigned bytes; with a
HELLO whose `steps` are not 0 it takes sequences, and the same holds of the frame seen last. With a HELLO that names a
source it captures what `source` yields, samples or the frames of a sequence that are there by then; nothing is none at
the moment. A fault is `mangle`, which sees every message that the board sends with its bytes on the wire, and returns
the bytes to send; `hear` sees every message before the board does, and says whether it arrives.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from host.frame import Frame, FrameReceiver, encode
from host.messages import decode
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
from host.messages.session import CycleSource, Engine, Hello, HelloRequest, Ping, Pong
from host.messages.settings import Configure, Consent, Settings
from host.messages.statistics import Statistics, StatisticsRequest
from host.messages.stream import Finish, Push, Step
from host.messages.wire import Message

MODEL_HASH = 0x0123456789ABCDEF
UPLINK_BYTES = 228  # what fits in a frame beside sample, offset and total

MINIMUM_STEPS = 3

HELLO = Hello(protocol=4, model_hash=MODEL_HASH, clock_hz=180_000_000, cycle_source=CycleSource.DWT, engine=Engine.AOT,
              input_bytes=64, output_bytes=10, classes=10, threshold=128, deadline_ms=100, ram_bytes=512, steps=0,
              consent=Consent.ALWAYS, consent_ms=100, receive_bytes=512, source_count=0, board="nucleo_f446re",
              firmware="scripted", source="")  # fmt: skip


def unchanged(message: Message, wire: bytes) -> bytes:
    return wire


def everything(message: Message) -> bool:
    return True


@dataclass
class Held:
    """The sample that the board knows."""

    number: int
    codes: bytes = b""
    origin: int = 0
    result: Result | None = None
    final: Final | None = None
    until: float = 0.0

    @property
    def waiting(self) -> bool:
        return self.result is not None and not self.result.accepted and self.final is None


class ScriptedBoard:
    """Serves one connection after another until the block ends. What it was told stays, as on a real board, until
    `reset`."""

    def __init__(self, hello: Hello = HELLO, mangle: Callable[[Message, bytes], bytes] = unchanged, silent: bool = False,
                 deaf_to: tuple[type[Message], ...] = (), hear: Callable[[Message], bool] = everything,
                 source: Iterator[bytes] | None = None) -> None:  # fmt: skip
        self._hello, self._mangle, self._silent, self._deaf_to, self._hear = hello, mangle, silent, deaf_to, hear
        self._source = source or iter(())
        self._counts = dict.fromkeys(Statistics.__dataclass_fields__, 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._sequence = 0
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard: list[Message] = []
        self.runs = 0  # of the model
        self.reset()

    def reset(self) -> None:
        """As its button does."""
        self._settings: Settings | None = None
        self._sample: Held | None = None
        self._started = time.monotonic()
        self._captured = 0

    @property
    def answers(self) -> list[Answer]:
        return [message for message in self.heard if isinstance(message, Answer)]

    def __enter__(self) -> "ScriptedBoard":
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.unplug()
        self._thread.join()

    def unplug(self) -> None:
        """Cut the connection, as a pulled cable does."""
        if self._connection:
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # already gone

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._listener.accept()
            except OSError:
                return
            with self._connection as connection:
                # Frames leave when they are said, as from a UART.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        receiver = FrameReceiver(restart_type=HelloRequest.TYPE)
        while True:
            sample = self._sample
            left = sample.until - time.monotonic() if sample and sample.waiting else None
            connection.settimeout(None if left is None else max(left, 1e-6))
            try:
                data = connection.recv(4096)
            except TimeoutError:
                self._end_alone(connection)
                continue
            if not data:
                return
            for frame in receiver.feed(data):
                message = decode(frame.type, frame.payload)
                self._counts["frames_received"] = receiver.counters.received
                self._counts["frames_lost"] = receiver.counters.lost
                if message is None or self._silent or isinstance(message, self._deaf_to) or not self._hear(message):
                    continue
                self.heard.append(message)
                self._take(connection, message, frame.sequence)

    def _take(self, connection: socket.socket, message: Message, sequence: int) -> None:
        if self._settings is None and not isinstance(message, HelloRequest | Configure):
            return self._send(connection, Refused(message.TYPE, 0, Reason.NO_SESSION))
        match message:
            case HelloRequest():
                self._sequence = 0
                self._send(connection, self._hello)
            case Configure(session=session, consent=consent):
                least = max(consent, self._hello.consent)
                if self._settings is None or session != self._settings.session:
                    self._sample = None
                else:
                    least = max(least, self._settings.consent)
                self._settings = Settings(session, message.threshold, message.deadline_ms, least, message.consent_ms)
                self._send(connection, self._settings)
            case Ping(token=token):
                self._send(connection, Pong(token, self._ticks()))
            case Load(sample=number, offset=offset, data=data):
                if (sample := self._takes(connection, message, number)) and offset <= len(sample.codes):
                    sample.codes = sample.codes[:offset] + data + sample.codes[offset + len(data) :]
            case Infer(sample=number):
                if sample := self._takes(connection, message, number):
                    if len(sample.codes) < self._hello.input_bytes:
                        return self._send(connection, Loaded(number, len(sample.codes), sequence))
                    self._run(connection, sample)
            case Push(sample=number):
                if sample := self._takes(connection, message, number):
                    self._push(connection, sample, message)
            case Capture(sample=number):
                if not self._hello.source:
                    return self._send(connection, Refused(Capture.TYPE, number, Reason.NO_SOURCE))
                if sample := self._takes(connection, message, number):
                    self._capture(connection, sample)
            case Finish(sample=number):
                if sample := self._takes(connection, message, number):
                    steps = len(sample.codes) // self._hello.input_bytes
                    self._decide(connection, sample, *self._last(sample), False, steps)
            case Resend(sample=number, offset=offset, length=length):
                if sample := self._waits(connection, message, number, Stage.SENT_UP):
                    length = min(length, UPLINK_BYTES)
                    piece = sample.codes[offset : offset + length]
                    self._send(connection, Uplink(number, offset, len(sample.codes), piece))
                    sample.until = time.monotonic() + self._settings.deadline_ms / 1e3
            case Release(sample=number):
                if sample := self._waits(connection, message, number, Stage.HELD):
                    self._send_up(connection, sample)
            case Answer(sample=number):
                if sample := self._waits(connection, message, number, Stage.SENT_UP):
                    if message.class_index >= self._hello.classes:
                        return self._send(connection, Refused(Answer.TYPE, number, Reason.OUT_OF_RANGE))
                    sample.final = Final(number, message.class_index, message.probability, Source.HOST, 5)
                    self._send(connection, sample.final)
            case Decline(sample=number):
                if self._waits(connection, message, number, Stage.HELD, Stage.SENT_UP):
                    self._end_alone(connection)
            case StatisticsRequest():
                self._send(connection, Statistics(**self._counts))
        return None

    def _takes(self, connection: socket.socket, message: Message, number: int) -> Held | None:
        """The sample, if it is still collected; else it is answered where it stands."""
        sample = self._sample
        if sample and number == sample.number:
            if sample.result is None:
                return sample
            self._report(connection, sample)
            return None
        if sample and (number - sample.number) % (1 << 32) > 0x7FFFFFFF:
            return self._send(connection, Refused(message.TYPE, number, Reason.UNKNOWN_SAMPLE))
        if sample and sample.waiting:
            return self._send(connection, Refused(message.TYPE, number, Reason.BUSY))
        self._sample = Held(number)
        return self._sample

    def _waits(self, connection: socket.socket, message: Message, number: int, *stages: Stage) -> Held | None:
        sample = self._sample
        if sample is None or sample.number != number or sample.result is None:
            return self._send(connection, Refused(message.TYPE, number, Reason.UNKNOWN_SAMPLE))
        if not sample.waiting or sample.result.stage not in stages:
            self._report(connection, sample)
            return None
        return sample

    def _report(self, connection: socket.socket, sample: Held) -> None:
        assert sample.result is not None
        self._send(connection, sample.result)
        if sample.final:
            self._send(connection, sample.final)

    def _run(self, connection: socket.socket, sample: Held) -> None:
        assert self._settings is not None
        self.runs += 1
        class_index, score = sample.codes[:2]
        self._decide(connection, sample, class_index, score, score >= self._settings.threshold, 0)

    def _capture(self, connection: socket.socket, sample: Held) -> None:
        codes = next(self._source)
        if codes and not sample.codes:
            self._captured += 1
            sample.origin = self._captured
        if self._hello.steps and (codes or sample.codes):
            return self._push(
                connection, sample, Push(sample.number, len(sample.codes) // self._hello.input_bytes, codes)
            )
        if not codes:
            return self._send(connection, Refused(Capture.TYPE, sample.number, Reason.NO_SAMPLE))
        sample.codes = codes
        return self._run(connection, sample)

    def _push(self, connection: socket.socket, sample: Held, push: Push) -> None:
        size = self._hello.input_bytes
        steps = len(sample.codes) // size
        if push.step <= steps:
            assert self._settings is not None
            for at in range((steps - push.step) * size, len(push.data), size):
                sample.codes += push.data[at : at + size]
                self.runs += 1
                steps += 1
                accepted = steps >= MINIMUM_STEPS and sample.codes[-size + 1] >= self._settings.threshold
                if accepted or steps == self._hello.steps:
                    return self._decide(connection, sample, *self._last(sample), accepted, steps)
        self._send(connection, Step(push.sample, steps, *self._last(sample), 1000 * steps, 10 * steps))
        return None

    def _last(self, sample: Held) -> tuple[int, int]:
        frame = sample.codes[-self._hello.input_bytes :] or bytes(2)
        return frame[0], frame[1]

    def _decide(
        self, connection: socket.socket, sample: Held, class_index: int, score: int, accepted: bool, steps: int
    ) -> None:
        assert self._settings is not None
        stages = {Consent.ALWAYS: Stage.SENT_UP, Consent.ASK: Stage.HELD, Consent.NEVER: Stage.WITHHELD}
        stage = Stage.ACCEPTED if accepted else stages[self._settings.consent]
        cycles = 1000 * max(1, steps), 10 * max(1, steps)
        sample.result = Result(sample.number, class_index, score, stage, steps, sample.origin, *cycles, self._ticks())
        self._send(connection, sample.result)
        sample.until = time.monotonic() + self._settings.consent_ms / 1e3
        if stage is Stage.SENT_UP:
            self._send_up(connection, sample)
        elif stage is Stage.WITHHELD:
            self._end_alone(connection)

    def _send_up(self, connection: socket.socket, sample: Held) -> None:
        assert self._settings is not None and sample.result is not None
        sample.result = replace(sample.result, stage=Stage.SENT_UP)
        for at in range(0, len(sample.codes), UPLINK_BYTES):
            piece = sample.codes[at : at + UPLINK_BYTES]
            self._send(connection, Uplink(sample.number, at, len(sample.codes), piece))
        sample.until = time.monotonic() + self._settings.deadline_ms / 1e3

    def _end_alone(self, connection: socket.socket) -> None:
        sample = self._sample
        assert sample is not None and sample.result is not None
        source = Source.FALLBACK
        if sample.result.stage is not Stage.SENT_UP:
            source, sample.result = Source.WITHHELD, replace(sample.result, stage=Stage.WITHHELD)
        sample.final = Final(sample.number, sample.result.class_index, sample.result.score, source, 5)
        self._send(connection, sample.final)

    def _ticks(self) -> int:
        return round((time.monotonic() - self._started) * self._hello.clock_hz)

    def _send(self, connection: socket.socket, message: Any) -> None:
        wire = encode(Frame(message.TYPE, self._sequence, message.encode()))
        self._sequence = (self._sequence + 1) % 65536
        connection.sendall(self._mangle(message, wire))


def hello(**changes: object) -> Hello:
    """The scripted board's HELLO with some fields changed."""
    return replace(HELLO, **changes)  # type: ignore[arg-type]
