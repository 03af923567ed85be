"""What a router reads of the logits: a few figures of their softmax, as int8 codes with the scale 1/255 and the zero
point -128.

    codes = STATISTICS["small"].codes(logits, entropy.table(scale, temperature, classes))

A figure in 0 .. 1 is made in Q15 first, as the scores make it, and then rounded. `small` is H / log C, the difference
of the two largest probabilities, and the largest. `full` is H / log C and the largest probabilities in falling order,
at most 10 of them: differences of pairs, which the router of Kag et al., "Efficient Edge Inference by Selective Query",
ICLR 2023, reads as the authors' code has it, are linear in them, so that its first layer makes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contract.gate import entropy, exponentials, margin, softmax_response

TOP: Final = 10
SCALE: Final = 1 / 255
ZERO_POINT: Final = -128

_ONE: Final = 1 << 15


@dataclass(frozen=True)
class Statistics:
    """`codes` makes them of the logits of the classes and the table of `contract.gate.entropy`; `count` says how many
    there are for so many classes."""

    codes: Callable[[Sequence[int], Sequence[int]], list[int]]
    count: Callable[[int], int]


def small(logits: Sequence[int], entries: Sequence[int]) -> list[int]:
    table = entries[: len(entries) // 2]
    figures = (
        _ONE - entropy.score(logits, entries),
        margin.score(logits, table),
        softmax_response.score(logits, table),
    )
    return [_code(figure) for figure in figures]


def full(logits: Sequence[int], entries: Sequence[int]) -> list[int]:
    table = entries[: len(entries) // 2]
    largest = softmax_response.score(logits, table)
    exponents = exponentials.of(sorted(logits, reverse=True)[:TOP], table)
    figures = (_ONE - entropy.score(logits, entries), *(exponent * largest >> 15 for exponent in exponents))
    return [_code(figure) for figure in figures]


def _code(figure: int) -> int:
    """Q15 to int8, to nearest."""
    return (figure * 255 + (1 << 14) >> 15) + ZERO_POINT


STATISTICS: Final = {
    "small": Statistics(small, lambda classes: 3),
    "full": Statistics(full, lambda classes: 1 + min(TOP, classes)),
}
