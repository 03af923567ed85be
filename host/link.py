"""Messages over an open port: numbering, counting, and the handshake that says who is at the other end.

    with connect(open_port(url, baud), url, board="nucleo_f446re", model_hash=manifest.hash) as link:
        link.send(Infer(sample=0))
        message = link.receive(deadline=time.monotonic() + 2.0)

One thread, no callbacks except for log lines: whoever waits for a message reads the port. Deadlines are on the
time.monotonic() clock.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, TypeVar

from contract.errors import KNOWN_FAILURE, NO_DEVICE
from host.errors import HostError
from host.frame import Counters, Frame, FrameReceiver, encode
from host.messages import TYPES
from host.messages.session import PROTOCOL, Hello, HelloRequest, Log
from host.messages.wire import Message, MessageError

READ_BYTES: Final = 4096
"""Most to take from the port at once; more than any answer, so that one read usually empties it."""

HELLO_SECONDS: Final = 5.0
"""A board that was reset by opening its port is up well within a second; a user's hand on the cable takes longer."""

HELLO_INTERVAL: Final = 0.1
"""Seconds between two HELLO_REQUESTs: one sent to a board that is still booting is lost, and one more costs nothing."""

Answer = TypeVar("Answer", bound=Message)


def print_log(log: Log) -> None:
    """A log line of the board, on stderr."""
    print(f"[board] {log.level.name.lower()}: {log.text}", file=sys.stderr)


class Link(AbstractContextManager["Link"]):
    """A port that carries messages. `hello` is valid after the handshake; `name` is for error messages."""

    hello: Hello

    def __init__(self, port: Any, name: str, on_log: Callable[[Log], None] = print_log) -> None:
        self.name = name
        self.bytes_sent = 0
        self.bytes_received = 0
        self.frames_sent = 0
        self.unknown_type = 0  # frames whose type is in no table
        self.malformed = 0  # frames whose payload is not what their type claims
        self._port = port
        self._on_log = on_log
        self._receiver = FrameReceiver(restart_type=Hello.TYPE)
        self._frames: deque[Frame] = deque()
        self._sequence = 0

    @property
    def counters(self) -> Counters:
        """What the receiver saw on the line since the port was opened."""
        return self._receiver.counters

    def send(self, *messages: Message) -> None:
        """Write the messages in one go. Raises HostError if the port is gone."""
        data = b""
        for message in messages:
            data += encode(Frame(message.TYPE, self._sequence, message.encode()))
            self._sequence = (self._sequence + 1) % 65536
        self._write(data)
        self.frames_sent += len(messages)

    def receive(self, deadline: float) -> Message | None:
        """The next message, or None once the deadline has passed. Log lines are shown and not returned."""
        while (frame := self._receive_frame(deadline)) is not None:
            message_type = TYPES.get(frame.type)
            if message_type is None:
                self.unknown_type += 1
                continue
            try:
                message = message_type.decode(frame.payload)
            except MessageError:
                self.malformed += 1
                continue
            if not isinstance(message, Log):
                return message
            self._on_log(message)
        return None

    def request(self, message: Message, answer: type[Answer], seconds: float = 2.0) -> Answer:
        """Send `message` and wait for its answer, passing over all else. Raises HostError if none comes."""
        self.send(message)
        deadline = time.monotonic() + seconds
        while (received := self.receive(deadline)) is not None:
            if isinstance(received, answer):
                return received
        raise HostError(
            f"{self.name}: no {answer.__name__} in answer to {type(message).__name__} within {seconds:g} s.",
            "Reset the board and run the command again.",
            NO_DEVICE,
        )

    def handshake(self, board: str, model_hash: int | None, seconds: float = HELLO_SECONDS) -> Hello:
        """Ask for HELLO until it comes, and check it. Raises HostError: silent, or not the board or model expected.

        `model_hash` None accepts any model.
        """
        give_up = time.monotonic() + seconds
        said = ""
        while (now := time.monotonic()) < give_up:
            self._sequence = 0
            self._write(b"\0")  # closes whatever the board may have half received
            self.send(HelloRequest())
            retry = min(now + HELLO_INTERVAL, give_up)
            while (frame := self._receive_frame(retry)) is not None:
                if frame.type == Hello.TYPE:
                    self.hello = self._check(frame.payload, board, model_hash)
                    return self.hello
                if frame.type == Log.TYPE:  # a board whose engine is not set up answers with the reason
                    said = Log.decode(frame.payload).text
        if said:
            raise HostError(
                f"{self.name}: no HELLO from the board within {seconds:g} s, but a log line: {said}.",
                "Export the run again with this version, build the firmware and flash it.",
                KNOWN_FAILURE,
            )
        raise HostError(self._silence(seconds), self._what_to_check(), NO_DEVICE)

    def close(self) -> None:
        self._port.close()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, payload: bytes, board: str, model_hash: int | None) -> Hello:
        # The protocol number comes first in every version of HELLO, so that it can be read when the rest cannot.
        protocol = int.from_bytes(payload[:2], "little")
        if protocol != PROTOCOL:
            raise HostError(
                f"{self.name}: the board speaks protocol {protocol}, this host speaks {PROTOCOL}.",
                "Build the firmware from the same version as the host and flash it.",
                KNOWN_FAILURE,
            )
        hello = Hello.decode(payload)
        if hello.board != board:
            raise HostError(
                f"{self.name}: the board says it is {hello.board!r}, expected {board!r}.",
                f"Run again with --board {hello.board}, or connect the other board.",
                KNOWN_FAILURE,
            )
        if model_hash is not None and hello.model_hash != model_hash:
            raise HostError(
                f"{self.name}: the board carries the model {hello.model_hash:016x}, the manifest is of "
                f"{model_hash:016x}.",
                f"Build the firmware of this run again (`make firmware`, and for a real board `make flash BOARD={board}`), or "
                "give --run the run folder that the firmware was built from.",
                KNOWN_FAILURE,
            )
        return hello

    def _receive_frame(self, deadline: float) -> Frame | None:
        while not self._frames:
            left = deadline - time.monotonic()
            data = self._read(max(left, 0.0))
            if not data and left <= 0:
                return None
            self.bytes_received += len(data)
            self._frames += self._receiver.feed(data)
        return self._frames.popleft()

    def _read(self, seconds: float) -> bytes:
        """Whatever the port holds, after waiting up to `seconds` for the first byte."""
        try:
            # Two reads, since pyserial waits for as many bytes as are asked for, and knows how many there are only on
            # some ports: the first waits for one byte, the second takes the rest without waiting.
            self._port.timeout = seconds
            first: bytes = self._port.read(1)
            if not first:
                return b""
            self._port.timeout = 0
            return first + bytes(self._port.read(READ_BYTES))
        except OSError as error:  # pyserial's SerialException is one
            raise self._gone(error) from None

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:  # pyserial's SerialException is one
            raise self._gone(error) from None
        self.bytes_sent += len(data)

    def _gone(self, error: Exception) -> HostError:
        return HostError(
            f"{self.name}: the connection was lost ({error}).", "Check the cable and run the command again.", NO_DEVICE
        )

    def _silence(self, seconds: float) -> str:
        damaged = self.counters.crc_errors + self.counters.cobs_errors + self.counters.oversize
        heard = f"{self.bytes_received} bytes came, {self.counters.received} frames and {damaged} damaged ones"
        return f"{self.name}: no HELLO from the board within {seconds:g} s ({heard})."

    def _what_to_check(self) -> str:
        if self.bytes_received:
            return "Something talks, but not our firmware at this baud rate: flash it, or choose another port."
        return "Check that the firmware is flashed and running (press reset), and that this is the board's port."


def connect(port: Any, name: str, board: str, model_hash: int | None, seconds: float = HELLO_SECONDS) -> Link:
    """A link whose board has said HELLO and is the one expected. Raises HostError, with the port closed."""
    link = Link(port, name)
    try:
        link.handshake(board, model_hash, seconds)
    except BaseException:
        link.close()
        raise
    return link
