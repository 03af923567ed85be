"""Policies: with which threshold the board decides on the next sample.

    policy = make("online-2", Settings(threshold=manifest.gate.threshold, seed=0))
    turn = policy.turn()                                        # CONFIGURE, if it is not in force already
    policy.learn(turn, score, class_index, answer)              # what the board said, and the large model if it was asked

The board knows thresholds only, and every abstention costs a transmission. A policy that wants the large model's answer
to a sample whatever the board makes of it sets the threshold above every score for that one sample: the board abstains,
sends it up and is answered, as always.

A new policy is one file with what `Policy` lists, and one line in POLICIES.
"""

from collections.abc import Callable
from typing import Final

from host.policy import fixed, online
from host.policy.policy import NOTHING, Policy, Settings, Turn

__all__ = ["FIXED", "NOTHING", "POLICIES", "Policy", "Settings", "Turn", "make"]

FIXED: Final = "fixed"
POLICIES: Final[dict[str, Callable[[Settings], Policy]]] = {
    FIXED: fixed.make,
    "online-1": online.make_1,
    "online-2": online.make_2,
}


def make(name: str, settings: Settings) -> Policy:
    """One of POLICIES."""
    return POLICIES[name](settings)
