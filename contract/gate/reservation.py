"""Reservation: 1 - p_abstain, for a network with one more logit than classes, which stands for abstaining.

Deep Gamblers (Liu et al., NeurIPS 2019) trains such networks. The softmax is over all logits
(contract.gate.exponentials, with the largest of all C + 1); the class predicted is always one of the C.
"""

from collections.abc import Sequence
from typing import Final

from contract.gate import exponentials
from contract.gate.exponentials import table as table

NAME: Final = "reservation"
EXTRA: Final = "logits"  # what follows the classes in that output


def score(logits: Sequence[int], entries: Sequence[int], extra: Sequence[int] = ()) -> int:
    """Score code of the int8 logits of the classes and the logit of abstaining, `extra`; in 0 .. 32768."""
    *_, abstain = all_of = exponentials.of([*logits, extra[0]], entries)
    return (1 << 15) - (abstain << 15) // sum(all_of)
