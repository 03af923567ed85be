"""What every policy promises to a session."""

from dataclasses import dataclass
from typing import Final, Protocol

from contract.gate import ONE

NOTHING: Final = ONE + 1
"""A threshold above every score: the board abstains."""


@dataclass(frozen=True)
class Settings:
    """What a policy may be told; each takes what it needs.

    `threshold` is a score code. `query_share` is the share of samples that are sent up whatever the board makes of
    them, 0 or more and below 1; `mistake_rate` how often, per answer seen, a threshold may be wrong, 0 to 1; `experts`
    how many thresholds there are to choose from.
    """

    threshold: int = 0
    query_share: float = 0.1
    mistake_rate: float = 0.01
    experts: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Turn:
    """The threshold for one sample, a score code. `queried` says that it is NOTHING in order to see the answer."""

    threshold: int
    queried: bool = False


class Policy(Protocol):
    """`final` is the threshold to leave on the board; `left` those that are still to choose from, the least first."""

    @property
    def final(self) -> int: ...

    @property
    def left(self) -> tuple[int, ...]: ...

    def turn(self) -> Turn:
        """For the next sample."""
        ...

    def learn(self, turn: Turn, score: int, class_index: int, answer: int | None) -> None:
        """What became of it: the board's score code and class, and the large model's class if it was asked."""
        ...
