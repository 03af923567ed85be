"""A circuit breaker: whether something that fails is asked again (Nygard, Release It!, 2nd edition, section 5.2).

    closed     it is asked; after so many failures in a row: open
    open       it is left alone; after a pause the next one who asks is the probe: half-open
    half-open  the probe is under way and nobody else asks; it ends closed, or open again

Time is an argument, in seconds on any clock that does not go back.
"""

from enum import Enum


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens after `failures` in a row, for `pause` seconds."""

    def __init__(self, failures: int, pause: float) -> None:
        self._most = failures
        self._pause = pause
        self._until = 0.0
        self.state = State.CLOSED
        self.failures = 0  # in a row
        self.opened = 0  # how often

    def remaining(self, now: float) -> float:
        """Seconds for which nobody may ask; 0 if one may."""
        return max(self._until - now, 0.0) if self.state is State.OPEN else 0.0

    def begin(self, now: float) -> bool:
        """Somebody who may ask begins to. True if that is the probe."""
        if self.state is State.OPEN and self.remaining(now) == 0.0:
            self.state = State.HALF_OPEN
        return self.state is State.HALF_OPEN

    def succeeded(self) -> None:
        self.state, self.failures = State.CLOSED, 0

    def failed(self, now: float) -> None:
        self.failures += 1
        if self.state is State.HALF_OPEN or self.failures >= self._most:
            self.state, self._until = State.OPEN, now + self._pause
            self.opened += 1
