"""The largest logit after centring, over the Euclidean norm of all: max(z - mean z) / ||z - mean z||_2.

MaxLogit-pNorm of Cattelan and Silva, "How to Fix a Broken Confidence Estimator: Evaluating Post-hoc Methods for
Selective Classification with Deep Neural Networks", UAI 2024, with centred logits. They choose p on held-out data; ours
is p = 2 always, which integers compute without a table. Scale, zero point and temperature cancel.

With d_i = q_max - q_i, A = sum_i d_i and V = C sum_i d_i^2 - A^2 for C classes, the score is A / sqrt(C V). Both A^2
and V are below 2^32. The table is the one number 2^15 / sqrt(C).
"""

import math
from collections.abc import Sequence
from typing import Final

NAME: Final = "normalised_max_logit"


def table(classes: int) -> tuple[int, ...]:
    return (round((1 << 15) / math.sqrt(classes)),)


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of int8 logits, in 0 .. 32768; 0 if all are equal."""
    differences = [max(logits) - q for q in logits]
    total = sum(differences)
    spread = len(logits) * sum(d * d for d in differences) - total * total
    if spread == 0:
        return 0
    while spread < 1 << 30:  # so that the root has 16 digits
        spread, total = spread << 2, total << 1
    return min(1 << 15, total * entries[0] // math.isqrt(spread))
