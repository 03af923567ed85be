"""What a board says, one message a line, as it comes; what is no message as bytes.

    for heard in watch(open_port(url, baud), url): print(heard)
    run("/dev/ttyACM0", 460_800, as_json=False)      # the same, until Ctrl-C

       0.004  #0  HELLO  protocol=4 model_hash=00e34b52e3326617 clock_hz=16000000 ... board='nucleo_f446re' firmware='demur 0.1.0'
       0.171  #1  LOG  warning: the external clock did not start
       2.310  (3 frames lost)
       2.310  #5  RESULT  sample=7 class_index=3 score=12000 accepted=False steps=0 infer_cycles=41000 gate_cycles=820
       2.400  damaged: bad CRC  03 88 12 4f  |...O|

It asks for HELLO until that comes, which changes nothing on the board, and is silent from then on. On a tapped line it
decodes what the host says as well.
"""

import enum
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from contract.errors import NO_DEVICE
from host.errors import HostError
from host.frame import ENCODED_MAX, Frame, FrameReceiver, encode
from host.messages import TYPES
from host.messages.session import Hello, HelloRequest, Log
from host.messages.wire import Message, MessageError
from host.port import open_port

QUIET_SECONDS: Final = 0.5
"""Bytes without a delimiter are shown after this long a silence: firmware that prints text sends none."""

SHOWN_BYTES: Final = 16
"""Of a field with bytes; JSON has them all."""

READ_BYTES: Final = 4096

REASONS: Final = {"crc_errors": "bad CRC", "cobs_errors": "bad COBS", "oversize": "longer than a frame"}
"""What each of the receiver's counters says of a chunk."""


@dataclass(frozen=True)
class Heard:
    """A message, or bytes that are none: then `message` is None, `trouble` says why, `raw` is what came. `at` is in
    seconds since the monitor began; `lost` frames are missing before it. `name` is that of the message's type, None if
    it is in no table."""

    at: float
    sequence: int | None
    name: str | None
    message: Message | None
    trouble: str | None = None
    raw: bytes = field(default=b"", repr=False)
    lost: int = 0

    def __str__(self) -> str:
        """One line, or two after a gap."""
        time_ = f"{self.at:9.3f}  "
        gap = f"{time_}({self.lost} frames lost)\n" if self.lost else ""
        number = "" if self.sequence is None else f"#{self.sequence}  "
        if self.message is None:
            printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in self.raw)
            return f"{gap}{time_}{number}{self.trouble}  {self.raw.hex(' ')}  |{printable}|"
        if isinstance(self.message, Log):
            return f"{gap}{time_}{number}LOG  {self.message.level.name.lower()}: {self.message.text}"
        fields = " ".join(f"{name}={_shown(name, value)}" for name, value in _fields(self.message))
        return f"{gap}{time_}{number}{str(self.name).upper()}  {fields}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """An object of what is known; bytes are hexadecimal, enumerations by name."""
        known = {"at": round(self.at, 6), "sequence": self.sequence, "message": self.name, "lost": self.lost}
        if self.message is None:
            return known | {"trouble": self.trouble, "raw": self.raw.hex()}
        return known | {"fields": {name: _plain(name, value) for name, value in _fields(self.message)}}


class Decoder:
    """Bytes in, what they say out. Holds no more bytes than a frame has."""

    def __init__(self) -> None:
        self._receiver = FrameReceiver(restart_type=Hello.TYPE)
        self._held = b""

    def feed(self, data: bytes, at: float) -> Iterator[Heard]:
        """Consume all of `data`, which came at `at`, and yield what it completes."""
        *chunks, rest = data.split(b"\0")
        for chunk in chunks:
            whole, self._held = self._held + chunk, b""
            if whole:
                yield self._judge(whole, at)
        self._held += rest
        while len(self._held) > ENCODED_MAX:
            raw, self._held = self._held[:ENCODED_MAX], self._held[ENCODED_MAX:]
            yield Heard(at, None, None, None, "damaged: no delimiter", raw)

    def flush(self, at: float) -> Iterator[Heard]:
        """What is held, if anything: nothing will complete it."""
        if self._held:
            raw, self._held = self._held, b""
            yield Heard(at, None, None, None, "damaged: no delimiter", raw)

    def _judge(self, chunk: bytes, at: float) -> Heard:
        """A chunk between two delimiters."""
        counters = self._receiver.counters
        before = {name: getattr(counters, name) for name in REASONS}
        lost = counters.lost
        frames = list(self._receiver.feed(chunk + b"\0"))
        if not frames:
            reason = next(said for name, said in REASONS.items() if getattr(counters, name) > before[name])
            return Heard(at, None, None, None, f"damaged: {reason}", chunk)
        return _decode(frames[0], at, counters.lost - lost)


def watch(port: Any, name: str, seconds: float | None = None) -> Iterator[Heard]:
    """What comes on an open port, called `name` in errors, for so many seconds or for ever. Raises HostError when the
    port is gone."""
    decoder, start, answered = Decoder(), time.monotonic(), False
    request = b"\0" + encode(Frame(HelloRequest.TYPE, 0, HelloRequest().encode()))
    try:
        port.write(request)
        while (now := time.monotonic() - start) < (seconds or float("inf")):
            port.timeout = QUIET_SECONDS if seconds is None else min(QUIET_SECONDS, seconds - now)
            first: bytes = port.read(1)
            if not first:
                yield from decoder.flush(time.monotonic() - start)
                if not answered:  # it was still booting
                    port.write(request)
                continue
            port.timeout = 0  # the rest of what is there, without waiting for more
            for heard in decoder.feed(first + bytes(port.read(READ_BYTES)), time.monotonic() - start):
                answered = answered or isinstance(heard.message, Hello)
                yield heard
    except OSError as error:  # pyserial's SerialException is one
        raise HostError(
            f"{name}: the connection was lost ({error}).", "Check the cable and run the command again.", NO_DEVICE
        ) from None


def run(url: str, baud: int, as_json: bool, seconds: float | None = None) -> None:
    """Print what comes, on stdout, until Ctrl-C or for so many seconds. Raises HostError if the port cannot be opened,
    or is gone."""
    port = open_port(url, baud)
    try:
        for heard in watch(port, url, seconds):
            print(json.dumps(heard.to_json()) if as_json else heard, flush=True)
    except KeyboardInterrupt:
        return  # the usual end
    finally:
        port.close()


def _decode(frame: Frame, at: float, lost: int) -> Heard:
    message_type = TYPES.get(frame.type)
    if message_type is None:
        return Heard(at, frame.sequence, None, None, f"unknown type 0x{frame.type:02x}:", frame.payload, lost)
    name = message_type.__name__.lower()
    try:
        return Heard(at, frame.sequence, name, message_type.decode(frame.payload), lost=lost)
    except MessageError as error:
        return Heard(at, frame.sequence, name, None, f"malformed: {error.problem}", frame.payload, lost)


def _fields(message: Message) -> list[tuple[str, Any]]:
    return [(field.name, getattr(message, field.name)) for field in message.LAYOUT]


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, enum.IntEnum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:016x}" if name == "model_hash" else value


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        more = f"... ({len(value)} bytes)" if len(value) > SHOWN_BYTES else ""
        return value[:SHOWN_BYTES].hex() + more
    return repr(value) if isinstance(value, str) else str(_plain(name, value))
