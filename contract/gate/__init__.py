"""The gate in integers: from the int8 outputs of the base model to a class, a score code and a decision.

The board computes the same in C (`firmware/lib/gate`); both are held to the same vectors. A score is one file here, one
file there, and one line in `SCORES`. Every score is a code in 0 .. 32768 (Q15), higher meaning more confident. A class
may have an offset, which is added to the codes of its samples, so that classes can have thresholds of their own and yet
move together; a sample is accepted if what results is at least the threshold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contract.gate import entropy, head, margin, normalised_max_logit, reservation, router, softmax_response


@dataclass(frozen=True)
class Score:
    """`code` makes a score code of the logits of the classes, the score's table and what else it reads.

    `extra` names the output which that is from; if it is the output of the logits, it is what follows the classes
    there. Between the output and the score of a router stands its model: `code` takes what that says.
    """

    code: Callable[[Sequence[int], Sequence[int], Sequence[int]], int]
    extra: str | None = None


SCORES: Final[dict[str, Score]] = {
    softmax_response.NAME: Score(softmax_response.score),
    margin.NAME: Score(margin.score),
    entropy.NAME: Score(entropy.score),
    normalised_max_logit.NAME: Score(normalised_max_logit.score),
    reservation.NAME: Score(reservation.score, reservation.EXTRA),
    head.NAME: Score(head.score, head.EXTRA),
    router.NAME: Score(router.score, router.EXTRA),
}

ONE: Final = 1 << 15  # the code of probability 1


def to_probability(code: int) -> float:
    """Score code to the probability it stands for."""
    return code / ONE


def to_code(probability: float) -> int:
    """Probability in [0, 1] to the nearest score code."""
    return round(probability * ONE)


def with_offset(code: int, offset: int) -> int:
    """A score code with the offset of its class, saturated to 0 .. 32768: what is compared with the threshold, and
    reported."""
    return min(max(code + offset, 0), ONE)


def predicted_class(logits: Sequence[int]) -> int:
    """Index of the largest int8 logit; the lowest index wins a tie, as on the board."""
    return max(range(len(logits)), key=lambda index: (logits[index], -index))
