"""The life of a sample: loaded, inferred, and, if the board abstains, sent up and answered.

    host   LOAD LOAD INFER           LOAD INFER                            ANSWER
    board                   LOADED               RESULT [UPLINK UPLINK ...]        [FINAL]

INFER runs a sample that is whole; of one that is not, LOADED says how many bytes are there without a gap, and the host
goes on from there. LOAD itself is not answered. RESULT says where the sample stands (`Stage`). One that was accepted
has ended. One that was abstained from is

    SENT_UP   all of it goes up in UPLINKs, and the board waits for ANSWER until its deadline, counted from the last UPLINK
    HELD      it waits for RELEASE, after which it is sent up, or DECLINE, until the time for consent is over
    WITHHELD  it stays on the board

and ends with FINAL, whose source says whose answer it is. DECLINE ends the wait at once: a held sample stays, and for
one that was sent up there is no answer. RESEND asks for a piece again.

`sample` is the host's number for a sample; within a session each has a higher number than those before (modulo 2^32, by
less than half of it). The board knows the latest one only. Everything may be said again: a request that was carried out
before is answered by where the sample stands, RESULT and, if it has ended so, FINAL, with the same values, and nothing
runs twice. So is one that does not fit where the sample stands, and thus no byte of a sample that is held or withheld
leaves the board.

LOAD and INFER are for models without state; a recurrent one gets its sample as host.messages.stream says, and the rest
is the same.

A board with a source of its own (HELLO's `source`) need not be sent a sample at all:

    host   CAPTURE
    board          RESULT [UPLINK ... and so on]

CAPTURE has the board take its source's next sample, one of either kind of model, and decide on it. Said again it takes
no other: RESULT is the same. RESULT's `origin` tells the samples of the source apart. A recurrent model takes frame by
frame until it is confident; if its source has no further frame yet, STEP says how many it took, and CAPTURE lets it go
on.
"""

import enum
import typing
from dataclasses import dataclass

from host.messages.wire import U8, U16, U32, U64, Family, Message, Rest


class Stage(enum.IntEnum):
    """Where a decided sample stands: accepted, or abstained from and sent up, held until consent, or withheld."""

    ACCEPTED = 0
    SENT_UP = 1
    HELD = 2
    WITHHELD = 3


class Source(enum.IntEnum):
    """Whose answer FINAL carries: the board's (of no FINAL), the host's, the board's own since none came, or since it
    stays."""

    BOARD = 0
    HOST = 1
    FALLBACK = 2
    WITHHELD = 3


class Reason(enum.IntEnum):
    """Why a request was refused.

    NO_SESSION: the board was reset, no CONFIGURE since. BUSY: another sample is held, or waits for its answer.
    UNKNOWN_SAMPLE: an earlier sample, or one that is not decided. WRONG_KIND: whole samples for a recurrent model, or
    frames for one without state. NO_CONSENT: outputs of a sample that may not leave. NO_SOURCE: the firmware was built
    without a source of samples. NO_SAMPLE: the source has none at the moment.
    """

    NO_SESSION = 0
    OUT_OF_RANGE = 1
    BUSY = 2
    UNKNOWN_SAMPLE = 3
    WRONG_KIND = 4
    NO_CONSENT = 5
    NO_SOURCE = 6
    NO_SAMPLE = 7


@dataclass(frozen=True)
class Load(Message):
    """A piece of a sample's input codes, to be put at `offset` bytes. One beyond a gap is dropped."""

    TYPE = 0x02
    sample: U32
    offset: U32
    data: Rest


@dataclass(frozen=True)
class Infer(Message):
    """Run the model and the gate on the sample if it is whole, else say how much is there."""

    TYPE = 0x03
    sample: U32


@dataclass(frozen=True)
class Capture(Message):
    """Take the next sample of the board's own source, and run the model and the gate on it."""

    TYPE = 0x0E
    sample: U32


@dataclass(frozen=True)
class Loaded(Message):
    """The first `length` bytes of the sample are there. `request` is the sequence number of the INFER that asked."""

    TYPE = 0x8B
    sample: U32
    length: U32
    request: U16


@dataclass(frozen=True)
class Result(Message):
    """The board's own answer and the gate's decision. Cycles are of HELLO's cycle source."""

    TYPE = 0x82
    sample: U32
    class_index: U8
    score: U16  # score code, Q15
    stage: Stage
    steps: U16  # frames until the decision; 0 from a model without state
    origin: U32  # its number among those of the board's own source since the reset, from 1 on; 0: it came from the host
    infer_cycles: U32  # sum over the steps
    gate_cycles: U32  # likewise
    ticks: U64  # the board's clock, as PONG says it, when it decided

    @property
    def accepted(self) -> bool:
        return self.stage is Stage.ACCEPTED


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
class Resend(Message):
    """Send this piece up again, in one UPLINK: `length` bytes, or as many as fit in it, or as there are."""

    TYPE = 0x0B
    sample: U32
    offset: U32
    length: U16


@dataclass(frozen=True)
class Release(Message):
    """A held sample may leave the board."""

    TYPE = 0x0C
    sample: U32


@dataclass(frozen=True)
class Answer(Message):
    """The large model's answer to an abstained sample."""

    TYPE = 0x04
    sample: U32
    class_index: U8
    probability: U16  # Q15


@dataclass(frozen=True)
class Decline(Message):
    """A held sample may not leave the board; one that was sent up will have no answer."""

    TYPE = 0x0D
    sample: U32


@dataclass(frozen=True)
class Final(Message):
    """The end of an abstained sample."""

    TYPE = 0x84
    sample: U32
    class_index: U8
    probability: U16  # Q15
    source: Source
    wait_cycles: U32  # from the last UPLINK to the answer; of a sample that stays, from the decision on


@dataclass(frozen=True)
class Refused(Message):
    """A request the board did not carry out; `type` is the request's, `sample` its sample (0 if it has none)."""

    TYPE = 0x88
    type: U8
    sample: U32
    reason: Reason


FAMILY: typing.Final = Family(
    messages=(Load, Infer, Capture, Loaded, Result, Uplink, Resend, Release, Answer, Decline, Final, Refused),
    enums=(Stage, Source, Reason),
)
