"""The decision in time: answer as soon as the gate is confident, abstain at the end of the sequence otherwise.

    steps, accepted = decide(scores, threshold=31000, minimum_steps=8)

The board decides likewise while frames come in (`firmware/src/stream.c`).
"""

from collections.abc import Sequence


def decide(scores: Sequence[int], threshold: int, minimum_steps: int) -> tuple[int, bool]:
    """How many frames were taken, and whether the answer was accepted.

    `scores` holds the score code after each frame. The first that is at least the threshold ends the sequence, but none
    of the first `minimum_steps` - 1.
    """
    for steps in range(minimum_steps, len(scores) + 1):
        if scores[steps - 1] >= threshold:
            return steps, True
    return len(scores), False
