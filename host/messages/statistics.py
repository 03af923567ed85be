"""Counters of the board since its reset. What a session did is the difference between two of them."""

import typing
from dataclasses import dataclass

from host.messages.wire import U32, Family, Message


@dataclass(frozen=True)
class StatisticsRequest(Message):
    """Asks for STATISTICS."""

    TYPE = 0x07


@dataclass(frozen=True)
class Statistics(Message):
    """What the board did with samples, and what its receiver saw on the line."""

    TYPE = 0x86
    samples: U32
    accepted: U32
    abstained: U32
    answered: U32
    fallbacks: U32
    withheld: U32
    refused: U32
    frames_received: U32
    frames_sent: U32
    frames_lost: U32  # gaps in the host's sequence numbers
    crc_errors: U32
    cobs_errors: U32
    oversize: U32
    unknown_type: U32  # of a type the board does not serve, or with a payload that is not that message
    receive_overruns: U32  # bytes dropped since the receive buffer was full


FAMILY: typing.Final = Family(messages=(StatisticsRequest, Statistics))
