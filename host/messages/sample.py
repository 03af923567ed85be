"""The life of a sample: loaded, inferred, and, if the board abstains, sent up and answered.

    host   LOAD ... LOAD  INFER                      ANSWER
    board                        RESULT [UPLINK ...]         [FINAL]

RESULT with `accepted` is the end of it. Otherwise the board sends the sample itself up, waits for ANSWER until its
deadline and closes with FINAL, whose source says whose answer it is. `sample` is the host's number for a sample. LOAD and
INFER are for models without state; a recurrent one gets its sample as host.messages.stream says, and the rest is the same.
"""

import enum
import typing
from dataclasses import dataclass

from host.messages.wire import U8, U16, U32, Family, Flag, Message, Rest


class Source(enum.IntEnum):
    """Whose answer FINAL carries: the board's, the host's, or the board's own since none came in time."""

    BOARD = 0
    HOST = 1
    FALLBACK = 2


class Reason(enum.IntEnum):
    """Why a request was refused. WRONG_KIND: whole samples for a recurrent model, or frames for one without state."""

    INCOMPLETE_SAMPLE = 0
    OUT_OF_RANGE = 1
    BUSY = 2
    UNKNOWN_SAMPLE = 3
    WRONG_KIND = 4


@dataclass(frozen=True)
class Load(Message):
    """A piece of a sample's input codes, to be put at `offset` bytes."""

    TYPE = 0x02
    sample: U32
    offset: U32
    data: Rest


@dataclass(frozen=True)
class Infer(Message):
    """Run the model and the gate on the loaded sample."""

    TYPE = 0x03
    sample: U32


@dataclass(frozen=True)
class Answer(Message):
    """The large model's answer to an abstained sample."""

    TYPE = 0x04
    sample: U32
    class_index: U8
    probability: U16  # Q15


@dataclass(frozen=True)
class Result(Message):
    """The board's own answer and the gate's decision. Cycles are of HELLO's cycle source."""

    TYPE = 0x82
    sample: U32
    class_index: U8
    score: U16  # score code, Q15
    accepted: Flag
    steps: U16  # frames until the decision; 0 from a model without state
    infer_cycles: U32  # sum over the steps
    gate_cycles: U32  # likewise


@dataclass(frozen=True)
class Uplink(Message):
    """A piece of an abstained sample's input codes, or of all frames of its sequence, as the board holds them.

    `total` is the length of the whole.
    """

    TYPE = 0x83
    sample: U32
    offset: U32
    total: U32
    data: Rest


@dataclass(frozen=True)
class Final(Message):
    """The end of an abstained sample."""

    TYPE = 0x84
    sample: U32
    class_index: U8
    probability: U16  # Q15
    source: Source
    wait_cycles: U32  # from the last UPLINK to the answer


@dataclass(frozen=True)
class Refused(Message):
    """A request the board did not carry out; `type` is the request's, `sample` its sample (0 if it has none)."""

    TYPE = 0x88
    type: U8
    sample: U32
    reason: Reason


FAMILY: typing.Final = Family(
    messages=(Load, Infer, Answer, Result, Uplink, Final, Refused),
    enums=(Source, Reason),
)
