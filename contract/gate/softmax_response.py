"""Softmax response, the largest softmax probability, through a log-sum-exp table.

With int8 logits q of scale s and temperature T, all outputs sharing one zero point,

    p_max = 1 / sum_i exp(-(q_max - q_i) s / T)

so only the differences d = q_max - q_i (0 .. 255) matter, and a table holds exp(-d s / T) in Q15. The code is
floor(2^30 / sum), that is p_max in Q15; no int8 softmax is involved, whose fixed scale of 1/256 could not tell
scores above 0.996 apart.
"""

import math
from collections.abc import Sequence
from typing import Final

NAME: Final = "softmax_response"


def table(scale: float, temperature: float) -> tuple[int, ...]:
    """exp(-d * scale / temperature) in Q15 for d = 0, 1, ..., up to the last entry that is not zero (at most 256)."""
    entries = (round(math.exp(-d * scale / temperature) * (1 << 15)) for d in range(256))
    return tuple(entry for entry in entries if entry > 0)


def score(logits: Sequence[int], entries: Sequence[int]) -> int:
    """Score code of int8 logits, in 1 .. 32768; a difference beyond the table counts as zero."""
    top = max(logits)
    total = sum(entries[top - q] for q in logits if top - q < len(entries))
    return (1 << 30) // total
