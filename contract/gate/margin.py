"""Margin, the difference of the two largest softmax probabilities: (e_1 - e_2) / sum_i e_i
(contract.gate.exponentials)."""

from collections.abc import Sequence
from typing import Final

from contract.gate import exponentials
from contract.gate.exponentials import table as table

NAME: Final = "margin"


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of int8 logits, in 0 .. 32768; of a single class 32768."""
    ranked = [*sorted(exponentials.of(logits, entries), reverse=True), 0]
    return ((ranked[0] - ranked[1]) << 15) // sum(ranked)
