"""A board in Python behind a TCP socket, for what a real one cannot be made to do: faults, silence, wrong answers.

    with ScriptedBoard() as board:
        port = open_port(board.url, baud=460_800)

It keeps to the protocol. Class and score of a sample are its first two input codes, read as unsigned bytes; with a HELLO whose
`steps` are not 0 it takes sequences, and the same holds of the frame seen last. A fault is `mangle`, which sees every message that
the board sends with its bytes on the wire, and returns the bytes to send.
"""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from host.frame import Frame, FrameReceiver, encode
from host.messages import decode
from host.messages.sample import Answer, Final, Infer, Load, Reason, Refused, Result, Source, Uplink
from host.messages.session import CycleSource, Engine, Hello, HelloRequest
from host.messages.settings import SetDeadline, SetThreshold, Settings
from host.messages.statistics import Statistics, StatisticsRequest
from host.messages.stream import Finish, Push, Step
from host.messages.wire import Message

MODEL_HASH = 0x0123456789ABCDEF
UPLINK_BYTES = 228  # what fits in a frame beside sample, offset and total

MINIMUM_STEPS = 3

HELLO = Hello(protocol=2, model_hash=MODEL_HASH, clock_hz=180_000_000, cycle_source=CycleSource.DWT, engine=Engine.AOT,
              input_bytes=64, output_bytes=10, classes=10, threshold=128, deadline_ms=100, ram_bytes=512,
              steps=0, board="nucleo_f446re", firmware="scripted")  # fmt: skip


def unchanged(message: Message, wire: bytes) -> bytes:
    return wire


@dataclass
class Waiting:
    """An abstained sample that waits for its answer."""

    sample: int
    class_index: int
    score: int
    until: float


class ScriptedBoard:
    """Serves one connection after another until the block ends."""

    def __init__(self, hello: Hello = HELLO, mangle: Callable[[Message, bytes], bytes] = unchanged,
                 silent: bool = False, deaf_to: tuple[type[Message], ...] = ()) -> None:  # fmt: skip
        self._hello, self._mangle, self._silent, self._deaf_to = hello, mangle, silent, deaf_to
        self._threshold, self._deadline_ms = hello.threshold, hello.deadline_ms
        self._counts = dict.fromkeys(Statistics.__dataclass_fields__, 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answers: list[Answer] = []

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
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        receiver = FrameReceiver(restart_type=HelloRequest.TYPE)
        self._sequence = 0
        self._sample, self._codes = 0, b""
        self._waiting: Waiting | None = None
        while True:
            left = self._waiting.until - time.monotonic() if self._waiting else None
            connection.settimeout(None if left is None else max(left, 1e-6))
            try:
                data = connection.recv(4096)
            except TimeoutError:
                self._fall_back(connection)
                continue
            if not data:
                return
            for frame in receiver.feed(data):
                message = decode(frame.type, frame.payload)
                self._counts["frames_received"] = receiver.counters.received
                self._counts["frames_lost"] = receiver.counters.lost
                if message is not None and not self._silent and not isinstance(message, self._deaf_to):
                    self._take(connection, message)

    def _take(self, connection: socket.socket, message: Message) -> None:
        match message:
            case HelloRequest():
                self._sequence = 0
                self._codes, self._waiting = b"", None
                self._send(connection, self._hello)
            case Load(sample=sample, offset=offset, data=data):
                if self._waiting:
                    return self._send(connection, Refused(Load.TYPE, sample, Reason.BUSY))
                if sample != self._sample:
                    self._sample, self._codes = sample, b""
                self._codes = self._codes[:offset] + data
            case Infer(sample=sample):
                self._infer(connection, sample)
            case Push(sample=sample):
                self._push(connection, message)
            case Finish(sample=sample):
                if sample != self._sample or not self._codes:
                    return self._send(connection, Refused(Finish.TYPE, sample, Reason.UNKNOWN_SAMPLE))
                self._decide(connection, False)
            case Answer(sample=sample):
                self.answers.append(message)
                if self._waiting is None or self._waiting.sample != sample:
                    return self._send(connection, Refused(Answer.TYPE, sample, Reason.UNKNOWN_SAMPLE))
                self._waiting = None
                self._send(connection, Final(sample, message.class_index, message.probability, Source.HOST, 5))
            case SetThreshold(threshold=threshold):
                self._threshold = threshold
                self._send(connection, Settings(self._threshold, self._deadline_ms))
            case SetDeadline(milliseconds=milliseconds):
                self._deadline_ms = milliseconds
                self._send(connection, Settings(self._threshold, self._deadline_ms))
            case StatisticsRequest():
                self._send(connection, Statistics(**self._counts))
        return None

    def _infer(self, connection: socket.socket, sample: int) -> None:
        if self._waiting:
            return self._send(connection, Refused(Infer.TYPE, sample, Reason.BUSY))
        if sample != self._sample or len(self._codes) != self._hello.input_bytes:
            return self._send(connection, Refused(Infer.TYPE, sample, Reason.INCOMPLETE_SAMPLE))
        class_index, score = self._codes[0], self._codes[1]
        self._conclude(connection, Result(sample, class_index, score, score >= self._threshold, 0, 1000, 10))
        return None

    def _push(self, connection: socket.socket, push: Push) -> None:
        size = self._hello.input_bytes
        if self._waiting:
            return self._send(connection, Refused(Push.TYPE, push.sample, Reason.BUSY))
        if push.step == 0:
            self._sample, self._codes = push.sample, b""
        if push.sample != self._sample or push.step * size != len(self._codes):
            return self._send(connection, Refused(Push.TYPE, push.sample, Reason.INCOMPLETE_SAMPLE))
        for at in range(0, len(push.data), size):
            self._codes += push.data[at : at + size]
            steps = len(self._codes) // size
            accepted = steps >= MINIMUM_STEPS and self._codes[-size + 1] >= self._threshold
            if accepted or steps == self._hello.steps:
                return self._decide(connection, accepted)
        self._send(connection, Step(push.sample, steps, *self._codes[-size:][:2], 1000 * steps, 10 * steps))
        return None

    def _decide(self, connection: socket.socket, accepted: bool) -> None:
        size = self._hello.input_bytes
        steps, (class_index, score) = len(self._codes) // size, self._codes[-size:][:2]
        self._conclude(connection, Result(self._sample, class_index, score, accepted, steps, 1000 * steps, 10 * steps))

    def _conclude(self, connection: socket.socket, result: Result) -> None:
        self._send(connection, result)
        if not result.accepted:
            for at in range(0, len(self._codes), UPLINK_BYTES):
                piece = self._codes[at : at + UPLINK_BYTES]
                self._send(connection, Uplink(result.sample, at, len(self._codes), piece))
            until = time.monotonic() + self._deadline_ms / 1e3
            self._waiting = Waiting(result.sample, result.class_index, result.score, until)

    def _fall_back(self, connection: socket.socket) -> None:
        assert self._waiting is not None
        waiting, self._waiting = self._waiting, None
        self._send(connection, Final(waiting.sample, waiting.class_index, waiting.score, Source.FALLBACK, 5))

    def _send(self, connection: socket.socket, message: Message) -> None:
        wire = encode(Frame(message.TYPE, self._sequence, message.encode()))
        self._sequence = (self._sequence + 1) % 65536
        connection.sendall(self._mangle(message, wire))


def hello(**changes: object) -> Hello:
    """The scripted board's HELLO with some fields changed."""
    return replace(HELLO, **changes)  # type: ignore[arg-type]
