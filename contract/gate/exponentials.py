"""exp(-d * scale / temperature) in Q15 for a logit d codes below the largest: the table of every score that sums a
softmax.

With int8 logits q of scale s and temperature T, all outputs sharing one zero point, softmax_i = e_i / sum_j e_j with
e_i = exp(-(q_max - q_i) s / T): only the differences d = q_max - q_i (0 .. 255) matter. No int8 softmax is involved,
whose fixed scale of 1/256 could not tell scores above 0.996 apart.
"""

import math
from collections.abc import Sequence


def table(scale: float, temperature: float) -> tuple[int, ...]:
    """Entries for d = 0, 1, ..., up to the last that is not zero (at most 256); the first is 32768."""
    entries = (round(math.exp(-d * scale / temperature) * (1 << 15)) for d in range(256))
    return tuple(entry for entry in entries if entry > 0)


def of(logits: Sequence[int], entries: Sequence[int]) -> list[int]:
    """e_i in Q15 of each logit; a difference beyond the table counts as zero."""
    top = max(logits)
    return [entries[top - q] if top - q < len(entries) else 0 for q in logits]
