"""Messages over an open port: numbering, counting, the handshake that says who is at the other end and begins a
session.

    with connect(open_port(url, baud), url, board="nucleo_f446re", model_hash=manifest.hash) as link:
        link.configure(threshold=20000)
        link.send(Infer(sample=0))
        message = link.receive(deadline=time.monotonic() + 2.0)

One thread, no callbacks except for log lines: whoever waits for a message reads the port. Deadlines are on the
time.monotonic() clock. Whatever is asked with `request`, `configure` or `ping` is asked again until the answer comes.
"""

import secrets
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Final, TypeVar

from contract.errors import KNOWN_FAILURE, NO_DEVICE
from host.errors import HostError
from host.frame import Counters, Frame, FrameReceiver, encode
from host.messages import TYPES
from host.messages.sample import Reason, Refused
from host.messages.session import PROTOCOL, Hello, HelloRequest, Log, Ping, Pong
from host.messages.settings import Configure, Consent, Settings
from host.messages.wire import Message, MessageError
from host.timer import Timer

READ_BYTES: Final = 4096
"""Most to take from the port at once; more than any answer, so that one read usually empties it."""

HELLO_SECONDS: Final = 5.0
"""A board that was reset by opening its port is up well within a second; a user's hand on the cable takes longer."""

HELLO_INTERVAL: Final = 0.1
"""Seconds between two HELLO_REQUESTs: one sent to a board that is still booting is lost, and one more costs nothing."""

ROUND_TRIPS: Final = 64
"""How many of the latest round trips the median is of."""

Answer = TypeVar("Answer", bound=Message)


class Disconnected(HostError):  # noqa: N818  (an event)
    """The port is gone, or the board has been silent for too long: open it again, or give up."""


class SessionLost(HostError):  # noqa: N818  (likewise)
    """The board was reset, or another host began a session with it: shake hands again, on the same port."""


def print_log(log: Log) -> None:
    """A log line of the board, on stderr."""
    print(f"[board] {log.level.name.lower()}: {log.text}", file=sys.stderr)


class Link(AbstractContextManager["Link"]):
    """A port that carries messages. `hello` and `settings` are valid after the handshake; `name` is for error
    messages."""

    hello: Hello
    settings: Settings

    def __init__(self, port: Any, name: str, on_log: Callable[[Log], None] = print_log) -> None:
        self.name = name
        self.bytes_sent = 0
        self.bytes_received = 0
        self.frames_sent = 0
        self.unknown_type = 0  # frames whose type is in no table
        self.malformed = 0  # frames whose payload is not what their type claims
        self.repeated = 0  # requests that were said again
        self._session: int | None = None
        self._timers: dict[str, Timer] = {}
        self._line = Timer()  # of whatever answer
        self._round_trips: deque[float] = deque(maxlen=ROUND_TRIPS)
        self._port = port
        self._on_log = on_log
        self._receiver = FrameReceiver(restart_type=Hello.TYPE)
        self._frames: deque[Frame] = deque()
        self._sequence = 0

    @property
    def counters(self) -> Counters:
        """What the receiver saw on the line since the port was opened."""
        return self._receiver.counters

    @property
    def round_trip(self) -> float | None:
        """The median of the latest round trips in seconds, None if there was none."""
        return statistics.median(self._round_trips) if self._round_trips else None

    def timer(self, answer: str) -> Timer:
        """How long to wait for an answer of that kind; as long as there was none, as for the others."""
        return self._timers.setdefault(answer, Timer(self._line.seconds))

    def measured(self, answer: str, seconds: float) -> None:
        """A round trip, to an answer of that kind."""
        self.timer(answer).add(seconds)
        self._line.add(seconds)
        self._round_trips.append(seconds)

    def send(self, *messages: Message) -> int:
        """Write the messages in one go. Returns the sequence number of the last one. Raises Disconnected if the port is
        gone."""
        data = b""
        for message in messages:
            data += encode(Frame(message.TYPE, self._sequence, message.encode()))
            self._sequence = (self._sequence + 1) % 65536
        self._write(data)
        self.frames_sent += len(messages)
        return (self._sequence - 1) % 65536

    def receive(self, deadline: float, damaged: int | None = None) -> Message | None:
        """The next message, or None once the deadline has passed, or so many chunks that came were damaged since the
        port was opened.

        Log lines are shown and not returned. Raises SessionLost if the board says that it knows nothing of this
        session, and Disconnected if the port is gone.
        """
        while (frame := self._receive_frame(deadline, damaged)) is not None:
            message_type = TYPES.get(frame.type)
            if message_type is None:
                self.unknown_type += 1
                continue
            try:
                message = message_type.decode(frame.payload)
            except MessageError:
                self.malformed += 1
                continue
            if isinstance(message, Log):
                self._on_log(message)
                continue
            self._check_session(message)
            return message
        return None

    def request(
        self,
        message: Message,
        answer: type[Answer],
        seconds: float = 2.0,
        matching: Callable[[Answer], bool] = lambda _: True,
    ) -> Answer:
        """Say `message` until its answer comes, passing over all else. Raises Disconnected if none comes."""
        kind = answer.__name__
        timer = self.timer(kind)
        first = time.monotonic()
        give_up, repeats = first + seconds, 0
        while (now := time.monotonic()) < give_up:
            self.send(message)
            damaged = self.counters.damaged + 1  # that may have been the answer
            while (received := self.receive(min(now + timer.seconds, give_up), damaged)) is not None:
                if isinstance(received, answer) and matching(received):
                    if repeats == 0:
                        self.measured(kind, time.monotonic() - first)
                        return received
                    timer.answered()
                    if answer is not Pong:
                        self.ping()  # further answers come before its own, and are not taken for those to the next request
                    return received
            if self.counters.damaged < damaged:
                timer.back_off()
            repeats += 1
            self.repeated += 1
        raise Disconnected(
            f"{self.name}: no {kind} in answer to {type(message).__name__} within {seconds:g} s.",
            "Reset the board and run the command again.",
            NO_DEVICE,
        )

    def configure(
        self,
        *,
        threshold: int | None = None,
        deadline_ms: int | None = None,
        consent: Consent | None = None,
        consent_ms: int | None = None,
        seconds: float = 2.0,
    ) -> Settings:
        """Put settings in force, those that are not named as they were. Returns what is in force: a board may have been
        built with stricter consent than was asked for. Raises Disconnected if it does not say so."""
        now = self.settings
        wanted = Configure(
            now.session,
            now.threshold if threshold is None else threshold,
            now.deadline_ms if deadline_ms is None else deadline_ms,
            now.consent if consent is None else consent,
            now.consent_ms if consent_ms is None else consent_ms,
        )

        def matching(said: Settings) -> bool:
            # A board holds on to stricter consent, of its build or of earlier in the session.
            return said.consent >= wanted.consent and replace(said, consent=wanted.consent) == Settings(
                wanted.session, wanted.threshold, wanted.deadline_ms, wanted.consent, wanted.consent_ms
            )

        self.settings = self.request(wanted, Settings, seconds, matching)
        return self.settings

    def ping(self) -> tuple[float, float, int]:
        """When a PING was sent and its PONG received, in seconds of time.monotonic(), and the board's clock in between,
        in ticks."""
        while True:
            token, repeated, sent = secrets.randbelow(1 << 32), self.repeated, time.monotonic()
            pong = self.request(Ping(token), Pong, matching=partial(_brings, token))
            if self.repeated == repeated:  # else nobody knows which of them was answered
                return sent, time.monotonic(), pong.ticks

    def handshake(self, board: str, model_hash: int | None, seconds: float = HELLO_SECONDS) -> Hello:
        """Ask for HELLO until it comes, check it, and begin a session with the settings of the build. Raises HostError:
        silent, or not the board or model expected.

        `model_hash` None accepts any model.
        """
        give_up = time.monotonic() + seconds
        said = ""
        self._session = None
        while (now := time.monotonic()) < give_up:
            self._sequence = 0
            self._write(b"\0")  # closes whatever the board may have half received
            self.send(HelloRequest())
            retry = min(now + HELLO_INTERVAL, give_up)
            while (frame := self._receive_frame(retry)) is not None:
                if frame.type == Hello.TYPE:
                    self.hello = self._check(frame.payload, board, model_hash)
                    self._begin()
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

    def _begin(self) -> None:
        """A session whose number no other has, so that nothing left over from another one is taken for this one's."""
        hello, self._session = self.hello, secrets.randbelow(1 << 32)
        self.settings = Settings(self._session, hello.threshold, hello.deadline_ms, hello.consent, hello.consent_ms)
        self.configure()

    def _check_session(self, message: Message) -> None:
        match message:
            case Refused(reason=Reason.NO_SESSION):
                reason = "was reset"
            case Settings(session=session) if session != self._session and self._session is not None:
                reason = "is in another session"
            case _:
                return
        raise SessionLost(
            f"{self.name}: the board {reason}.",
            "Run the command again; if it goes on, look at the power supply and for another program at the port.",
            NO_DEVICE,
        )

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

    def _receive_frame(self, deadline: float, damaged: int | None = None) -> Frame | None:
        while not self._frames:
            if damaged is not None and self.counters.damaged >= damaged:
                return None
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

    def _gone(self, error: Exception) -> Disconnected:
        return Disconnected(
            f"{self.name}: the connection was lost ({error}).", "Check the cable and run the command again.", NO_DEVICE
        )

    def _silence(self, seconds: float) -> str:
        heard = f"{self.bytes_received} bytes came, {self.counters.received} frames and {self.counters.damaged} damaged ones"
        return f"{self.name}: no HELLO from the board within {seconds:g} s ({heard})."

    def _what_to_check(self) -> str:
        if self.bytes_received:
            return "Something talks, but not our firmware at this baud rate: flash it, or choose another port."
        return "Check that the firmware is flashed and running (press reset), and that this is the board's port."


def _brings(token: int, pong: Pong) -> bool:
    return pong.token == token


def connect(port: Any, name: str, board: str, model_hash: int | None, seconds: float = HELLO_SECONDS) -> Link:
    """A link whose board has said HELLO and is the one expected. Raises HostError, with the port closed."""
    link = Link(port, name)
    try:
        link.handshake(board, model_hash, seconds)
    except BaseException:
        link.close()
        raise
    return link
