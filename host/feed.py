"""How a sample goes down to a board, and what it is to a large model: whole, or a sequence frame by frame.

    feed = of(manifest)
    link.send(*feed.requests(number, codes, taken=0))
    probabilities = large.classify(feed.values(codes))

The codes of a sequence are those of its frames, one after the other.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Stream, Tensor
from host.codes import dequantise
from host.errors import HostError
from host.frame import PAYLOAD_MAX
from host.messages.sample import Infer, Load
from host.messages.stream import Finish, Push
from host.messages.wire import Message

LOAD_BYTES: Final = PAYLOAD_MAX - len(Load(0, 0, b"").encode())
"""Input codes that fit in one LOAD."""

PUSH_BYTES: Final = PAYLOAD_MAX - len(Push(0, 0, b"").encode())
"""Input codes that fit in one PUSH."""


class Feed(Protocol):
    """One kind of model. `answers` names what the board may say to a request."""

    answers: str

    def requests(
        self, number: int, codes: bytes, taken: int, piece: int = PAYLOAD_MAX, pieces: int | None = None
    ) -> list[Message]:
        """What to send when the board has `taken` bytes, or frames of a sequence, of sample `number`. The last one is
        answered.

        At most `piece` bytes of the sample in a message (a frame is never cut), and at most `pieces` of those at once.
        """
        ...

    def values(self, codes: bytes) -> NDArray[np.float32]:
        """The sample to a large model, a batch of one: see host.backend.LargeModel."""
        ...


@dataclass(frozen=True)
class Whole:
    """For a model without state: the sample in pieces, then the request to run it, or to say how much is there."""

    tensor: Tensor
    answers = "RESULT"

    def requests(
        self, number: int, codes: bytes, taken: int, piece: int = PAYLOAD_MAX, pieces: int | None = None
    ) -> list[Message]:
        size = min(piece, LOAD_BYTES)
        loads = [Load(number, at, codes[at : at + size]) for at in range(taken, len(codes), size)[:pieces]]
        return [*loads, Infer(number)]

    def values(self, codes: bytes) -> NDArray[np.float32]:
        return dequantise(codes, self.tensor)


@dataclass(frozen=True)
class Framewise:
    """For a recurrent model: `per_push` frames at a time, each time after the board's answer to those before."""

    tensor: Tensor  # one frame, [1, F]
    stream: Stream
    per_push: int
    answers = "STEP or RESULT"

    def requests(
        self, number: int, codes: bytes, taken: int, piece: int = PAYLOAD_MAX, pieces: int | None = None
    ) -> list[Message]:
        size = self.tensor.bytes
        frames = codes[taken * size : (taken + min(self.per_push, max(1, piece // size))) * size]
        return [Push(number, taken, frames) if frames else Finish(number)]

    def values(self, codes: bytes) -> NDArray[np.float32]:
        """The frames as rows in [0, 1], as large models are trained on them; zeros in place of those that did not
        come."""
        stream = self.stream
        frames = (dequantise(codes, self.tensor) - stream.low) / (stream.high - stream.low)
        rows = np.pad(frames, ((0, stream.steps - len(frames)), (0, 0)))
        return rows[np.newaxis].astype(np.float32)


def of(manifest: Manifest, per_push: int | None = None) -> Feed:
    """How samples of that model are fed. `per_push` is for recurrent models, None for as many frames as fit.

    Raises HostError if that many do not fit, or if the model has no state.
    """
    tensor, stream = manifest.inputs[0], manifest.stream
    if stream is None:
        if per_push is not None:
            raise HostError(
                f"{manifest.name}: the model has no state and takes whole samples, so there are no frames to push.",
                "Leave --frames-per-push out.",
            )
        return Whole(tensor)
    most = PUSH_BYTES // tensor.bytes
    if most == 0 or (per_push or 1) > most:
        raise HostError(
            f"{manifest.name}: {per_push or 1} frames of {tensor.bytes} bytes were to be pushed at once, but {PUSH_BYTES} bytes "
            "fit in a message.",
            f"Choose --frames-per-push up to {most}." if most else "Train on smaller frames.",
        )
    return Framewise(tensor, stream, per_push or most)
