"""Softmax response, the largest softmax probability: p_max = 1 / sum_i e_i (contract.gate.exponentials).

The code is floor(2^30 / sum), that is p_max in Q15.
"""

from collections.abc import Sequence
from typing import Final

from contract.gate import exponentials
from contract.gate.exponentials import table as table

NAME: Final = "softmax_response"


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of int8 logits, in 1 .. 32768."""
    return (1 << 30) // sum(exponentials.of(logits, entries))
