"""Who is at the other end, what its clock says, and what it has to say in words.

HELLO_REQUEST is the same in every version of the protocol, and HELLO begins with the version, so that two that do not
understand each other can say so. A session begins with CONFIGURE (host.messages.settings).
"""

import enum
from dataclasses import dataclass
from typing import Final

from host.messages.settings import Consent
from host.messages.wire import U16, U32, U64, Family, Message, RestText, Text

PROTOCOL: Final = 4
"""Raised whenever a message changes its meaning or its layout."""


VECTORS: Final = "vectors"
"""HELLO's `source` of a board that has the first `source_count` samples of the test split, and takes them in turn."""


class CycleSource(enum.IntEnum):
    """Where cycle counts come from: the core's DWT cycle counter or, where it is dead (QEMU), SysTick.

    A core that has neither (that of the nRF51) counts with a timer of the chip.
    """

    DWT = 0
    SYSTICK = 1
    TIMER = 2


class Engine(enum.IntEnum):
    """What runs the model: the generated C or the TensorFlow Lite Micro interpreter."""

    AOT = 0
    TFLM = 1


class Level(enum.IntEnum):
    """Severity of a log line."""

    INFO = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class HelloRequest(Message):
    """Asks for HELLO, and changes nothing but the sequence numbers: this frame and the answer to it are number 0."""

    TYPE = 0x01


@dataclass(frozen=True)
class Hello(Message):
    """What the board is and which model it carries. The settings are those of the build, which CONFIGURE can change."""

    TYPE = 0x81
    protocol: U16
    model_hash: U64  # first 8 bytes of the SHA-256 of model.tflite, most significant first
    clock_hz: U32  # core clock as the firmware configured it
    cycle_source: CycleSource
    engine: Engine
    input_bytes: U32  # of a recurrent model: one frame's
    output_bytes: U32
    classes: U16
    threshold: U16  # score code, Q15
    deadline_ms: U32  # how long an abstained sample waits for an ANSWER, board clock
    ram_bytes: U32  # arena of the model
    steps: U16  # most frames of a sequence; 0: the model has no state, samples come whole
    consent: Consent  # the least that CONFIGURE can ask for
    consent_ms: U32  # how long a held sample waits for RELEASE or DECLINE, board clock
    receive_bytes: U16  # what the board can take in while it is busy: never send more before it has answered
    source_count: U32  # samples of the board's own source, which then begins anew; 0: it has none, or nobody knows
    board: Text
    firmware: Text
    source: Text  # the name of the board's own source; empty: it has none, and refuses CAPTURE


@dataclass(frozen=True)
class Ping(Message):
    """Asks for the board's clock. PONG brings `token` back, which tells an answer from a late one."""

    TYPE = 0x06
    token: U32


@dataclass(frozen=True)
class Pong(Message):
    """The board's clock when it was asked: periods of its core clock (HELLO's `clock_hz`) since its reset."""

    TYPE = 0x8C
    token: U32
    ticks: U64


@dataclass(frozen=True)
class Log(Message):
    """A line for a person. Nothing else ever prints on the link."""

    TYPE = 0x89
    level: Level
    text: RestText


FAMILY: Final = Family(
    messages=(HelloRequest, Hello, Ping, Pong, Log),
    enums=(CycleSource, Engine, Level),
    constants=(("PROTOCOL", PROTOCOL, "raised whenever a message changes its meaning or its layout"),),
)
