"""Session: who is at the other end, and what it has to say in words."""

import enum
from dataclasses import dataclass
from typing import Final

from host.messages.wire import U16, U32, U64, Family, Message, RestText, Text

PROTOCOL: Final = 2
"""Raised whenever a message changes its meaning or its layout."""


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
    """Asks for HELLO. Both sides restart their sequence numbers: this frame and the answer to it are number 0."""

    TYPE = 0x01


@dataclass(frozen=True)
class Hello(Message):
    """What the board is and which model it carries."""

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
    board: Text
    firmware: Text


@dataclass(frozen=True)
class Log(Message):
    """A line for a person. Nothing else ever prints on the link."""

    TYPE = 0x89
    level: Level
    text: RestText


FAMILY: Final = Family(
    messages=(HelloRequest, Hello, Log),
    enums=(CycleSource, Engine, Level),
    constants=(("PROTOCOL", PROTOCOL, "raised whenever a message changes its meaning or its layout"),),
)
