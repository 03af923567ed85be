"""Settings that the host can change while the board runs. Both are answered by SETTINGS, the values now in force."""

import typing
from dataclasses import dataclass

from host.messages.wire import U16, U32, Family, Message

DEFAULT_DEADLINE_MS: typing.Final = 2000
"""Longer than a large model on a laptop's CPU takes, short enough that a person sees the fallback happen."""


@dataclass(frozen=True)
class SetThreshold(Message):
    """Accept from this score code on (0 accepts everything; above 32768 nothing)."""

    TYPE = 0x05
    threshold: U16


@dataclass(frozen=True)
class SetDeadline(Message):
    """How long an abstained sample waits for ANSWER, in milliseconds of the board's clock."""

    TYPE = 0x06
    milliseconds: U32


@dataclass(frozen=True)
class Settings(Message):
    """The settings now in force."""

    TYPE = 0x85
    threshold: U16
    deadline_ms: U32


FAMILY: typing.Final = Family(
    messages=(SetThreshold, SetDeadline, Settings),
    constants=(("DEFAULT_DEADLINE_MS", DEFAULT_DEADLINE_MS, "deadline of a board that was told no other"),),
)
