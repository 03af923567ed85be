"""Head: the sigmoid of a second output of the model, "gate", which was trained to be high where the board should
answer."""

import math
from collections.abc import Sequence
from typing import Final

NAME: Final = "head"
EXTRA: Final = "gate"


def table(scale: float, zero_point: int) -> tuple[int, ...]:
    """Sigmoid in Q15 of the codes -128 .. 127 of an output with this scale and zero point."""
    return tuple(round((1 << 15) * _sigmoid(scale * (code - zero_point))) for code in range(-128, 128))


def _sigmoid(value: float) -> float:
    if value < 0:
        return 1 - _sigmoid(-value)  # exp cannot overflow
    return 1 / (1 + math.exp(-value))


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of the output's code, `extra`; in 0 .. 32768."""
    return entries[extra[0] + 128]
