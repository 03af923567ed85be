"""The time of a hybrid's answer: L = L_board + (1 - coverage) * (L_uplink + L_large), a model, not a measurement of a
link.

    times = Times(board=cycles / board.clock.hz, uplink=uplink(bytes, board.uart.baud), large=0.002)
    times.mean(coverage)

L_uplink is the time that the bits of an abstained sample's codes take on the wire, with the frames that carry them; no
side's waiting and no downlink are in it. Source of the form: Kag et al., "Efficient Edge Inference by Selective Query",
ICLR 2023.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from host.frame import OVERHEAD, PAYLOAD_MAX
from host.messages.sample import Uplink

BITS: Final = 10  # of a byte on the wire, 8N1: start bit, eight data bits, stop bit
HEADER: Final = len(Uplink(sample=0, offset=0, total=0, data=b"").encode())
FRAMING: Final = OVERHEAD + 2  # COBS adds one byte to so short a frame, and a zero follows


@dataclass(frozen=True)
class Times:
    """Seconds: of inference and gate on the board, of sending a sample up, of the large model."""

    board: float
    uplink: float
    large: float

    def mean(self, coverage: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Mean seconds until the answer at that coverage."""
        return self.board + (1 - np.asarray(coverage)) * (self.uplink + self.large)


def wire_bytes(codes: int) -> int:
    """Bytes on the wire of a sample of so many input codes: UPLINK messages, as full as they can be, and their
    framing."""
    frames = -(-codes // (PAYLOAD_MAX - HEADER))
    return codes + frames * (HEADER + FRAMING)


def uplink(codes: int, baud: float) -> float:
    """Seconds that a sample of so many codes of one byte takes on a serial line."""
    return wire_bytes(codes) * BITS / baud
