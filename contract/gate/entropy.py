"""Entropy of the softmax, turned round so that high is sure: 1 - H / log C, with C classes.

With e_i and S = sum_i e_i (contract.gate.exponentials), x_i = -log e_i = (q_max - q_i) s / T:

    H = log S + sum_i (e_i x_i) / S,   and so   H / log C = log2(S) / log2(C) + sum_i w_i / S,   w = e x / log C

The table holds e in Q15, then w in Q15 for as many differences, then 2^15 / log2(C).
"""

import math
from collections.abc import Sequence
from typing import Final

NAME: Final = "entropy"

ONE: Final = 1 << 15


def table(scale: float, temperature: float, classes: int) -> tuple[int, ...]:
    """The e, the w and the factor; e and w up to the last difference of which one is not zero. A single class has no
    entropy."""
    exponents = [d * scale / temperature for d in range(256)]
    log_classes = math.log(classes) if classes > 1 else math.inf
    entries = [round(math.exp(-x) * ONE) for x in exponents]
    weights = [round(math.exp(-x) * x / log_classes * ONE) for x in exponents]
    length = max(d + 1 for d in range(256) if entries[d] or weights[d])
    return (*entries[:length], *weights[:length], round(ONE / math.log2(classes)) if classes > 1 else 0)


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of int8 logits, in 0 .. 32768; a difference beyond the table counts as zero."""
    top, length = max(logits), len(entries) // 2
    near = [top - q for q in logits if top - q < length]
    total = sum(entries[d] for d in near)
    weighted = sum(entries[length + d] for d in near)
    return max(0, ONE - (log2(total) * entries[-1] >> 15) - (weighted << 15) // total)


def log2(value: int) -> int:
    """log2(value / 2^15) in Q15, for a value of 2^15 or more; at most 6 codes too small.

    Squaring a number in 1 .. 2 doubles its logarithm; where that is 1 or more, the next binary digit is 1.
    """
    whole = value.bit_length() - 16
    mantissa, result = value >> whole, whole
    for _ in range(15):
        mantissa = mantissa * mantissa >> 15
        digit = mantissa >> 16
        mantissa >>= digit
        result = result << 1 | digit
    return result
