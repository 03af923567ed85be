"""The gate in integers: from the int8 logits of the base model to a class, a score code and a decision.

The board computes the same in C (`firmware/lib/gate`); both are held to the same vectors. A score is one file here, one
file there, and one line in `SCORES`. Every score is a code in 0 .. 32768 (Q15), higher meaning more confident;
a sample is accepted if its code is at least the threshold.
"""

from collections.abc import Callable, Sequence
from typing import Final

from contract.gate import softmax_response

SCORES: Final[dict[str, Callable[[Sequence[int], Sequence[int]], int]]] = {
    softmax_response.NAME: softmax_response.score,
}

ONE: Final = 1 << 15  # the code of probability 1


def to_probability(code: int) -> float:
    """Score code to the probability it stands for."""
    return code / ONE


def to_code(probability: float) -> int:
    """Probability in [0, 1] to the nearest score code."""
    return round(probability * ONE)


def predicted_class(logits: Sequence[int]) -> int:
    """Index of the largest int8 logit; the lowest index wins a tie, as on the board."""
    return max(range(len(logits)), key=lambda index: (logits[index], -index))
