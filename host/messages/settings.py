"""The session and its settings: CONFIGURE says them all, SETTINGS says what is in force.

    host   CONFIGURE
    board             SETTINGS

A CONFIGURE whose `session` is not the one that is open begins a session: whatever sample was there is dropped. After a
reset none is open, and all but HELLO_REQUEST and CONFIGURE is refused as NO_SESSION, so that a host learns of the
reset. In an open session it changes the settings, from the next decision on. A board never has less consent in force
than it was built with, nor less than before in the same session, whose samples came to it under that: SETTINGS says
what holds.
"""

import enum
import typing
from dataclasses import dataclass

from host.messages.wire import U16, U32, Family, Message

DEFAULT_DEADLINE_MS: typing.Final = 2000
"""Longer than a large model on a laptop's CPU takes, short enough that a person sees the fallback happen."""

DEFAULT_CONSENT_MS: typing.Final = 30_000
"""Time to look at a sample and to decide; after it the sample stays on the board."""


class Consent(enum.IntEnum):
    """When an abstained sample may leave the board: always, once RELEASE says so, never."""

    ALWAYS = 0
    ASK = 1
    NEVER = 2


@dataclass(frozen=True)
class Configure(Message):
    """Begin or go on with this session, with these settings."""

    TYPE = 0x05
    session: U32
    threshold: U16  # accept from this score code on (0 accepts everything; above 32768 nothing)
    deadline_ms: U32  # how long an abstained sample waits for ANSWER, board clock
    consent: Consent
    consent_ms: U32  # how long a held sample waits for RELEASE or DECLINE, board clock


@dataclass(frozen=True)
class Settings(Message):
    """The session that is open and the settings now in force."""

    TYPE = 0x85
    session: U32
    threshold: U16
    deadline_ms: U32
    consent: Consent
    consent_ms: U32


FAMILY: typing.Final = Family(
    messages=(Configure, Settings),
    enums=(Consent,),
    constants=(
        ("DEFAULT_DEADLINE_MS", DEFAULT_DEADLINE_MS, "deadline of a build"),
        ("DEFAULT_CONSENT_MS", DEFAULT_CONSENT_MS, "how long a build holds a sample"),
    ),
)
