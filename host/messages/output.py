"""The output tensor of the last inference, for tests that compare every byte.

Outputs tell of the input, so they leave the board only if the sample may: while consent is ALWAYS, or once RELEASE has
said so.
"""

import typing
from dataclasses import dataclass

from host.messages.wire import U8, U32, Family, Message, Rest


@dataclass(frozen=True)
class ReadOutput(Message):
    """Asks for OUTPUT number `index` from `offset` bytes on."""

    TYPE = 0x08
    index: U8
    offset: U32


@dataclass(frozen=True)
class Output(Message):
    """Bytes of an output tensor from `offset` on: as many as fit in a frame, fewer at its end."""

    TYPE = 0x87
    index: U8
    offset: U32
    data: Rest


FAMILY: typing.Final = Family(messages=(ReadOutput, Output))
