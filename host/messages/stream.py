"""A sequence, frame by frame, for a recurrent model: the board keeps the state and says what it thinks so far.

    host   PUSH        PUSH             ...  FINISH
    board        STEP        RESULT (accepted)      RESULT [UPLINK ... and so on]

PUSH carries whole frames, each as many bytes as HELLO's `input_bytes`; the first one of another sample resets the
state. The board answers each PUSH with STEP, which says how many frames it has, or with RESULT as soon as its gate is
confident, from the model's least number of frames on: that ends the sample, and what is left of it is not wanted. At
HELLO's `steps` frames, or at FINISH, it abstains: RESULT, and what follows it in host.messages.sample. Frames that were
there before are passed over, those beyond a gap too, so that a PUSH may be said again, in other pieces.

    PUSH    sample u32 | step u16 | frames: all bytes that remain
    FINISH  sample u32
    STEP    sample u32 | steps u16 | class_index u8 | score u16 | infer_cycles u32 | gate_cycles u32

Refused as OUT_OF_RANGE: data that are no whole number of frames, no frame, or frames beyond HELLO's `steps`.
WRONG_KIND: the model has no state.
"""

import typing
from dataclasses import dataclass

from host.messages.wire import U8, U16, U32, Family, Message, Rest


@dataclass(frozen=True)
class Push(Message):
    """Whole frames of a sequence, the first of which is its frame number `step`, counted from 0."""

    TYPE = 0x09
    sample: U32
    step: U16
    data: Rest


@dataclass(frozen=True)
class Finish(Message):
    """The sequence has no more frames. Of one that has none at all, STEP says so."""

    TYPE = 0x0A
    sample: U32


@dataclass(frozen=True)
class Step(Message):
    """The running decision after `steps` frames. Cycles are of HELLO's cycle source, summed over the steps."""

    TYPE = 0x8A
    sample: U32
    steps: U16
    class_index: U8
    score: U16  # score code, Q15
    infer_cycles: U32
    gate_cycles: U32


FAMILY: typing.Final = Family(messages=(Push, Finish, Step))
