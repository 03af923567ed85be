"""A clock for host.batcher that a test moves, so that no test depends on how fast anything runs."""

import threading
from typing import Final

from host.batcher import Clock

HANG: Final = 20.0
"""Seconds after which a test has failed that would otherwise hang."""


class MovedClock(Clock):
    """Stands still until `move`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._waits: dict[int, tuple[threading.Condition, float]] = {}
        self._changed = threading.Condition()

    def now(self) -> float:
        return self._now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        until = float("inf") if seconds is None else self._now + seconds
        with self._changed:
            self._waits[threading.get_ident()] = (condition, until)
            self._changed.notify_all()
        assert condition.wait(HANG)
        with self._changed:
            del self._waits[threading.get_ident()]

    def move(self, to: float) -> None:
        """To a time until which a thread waits, as soon as one does, and wake it."""
        self.held(to, 1)
        with self._changed:
            conditions, times = zip(*self._until(to), strict=True)
            # A sum of pauses is rounded, and may be just beyond what the difference of two times gives.
            self._now = max(times) + 1e-9
        for condition in set(conditions):
            with condition:
                condition.notify_all()

    def jump(self, to: float) -> None:
        """To a time that nobody waits for."""
        self._now = to

    def held(self, until: float, waiting: int) -> None:
        """Come back when so many threads wait until then."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._until(until)) == waiting, HANG), self._waits

    def _until(self, time: float) -> list[tuple[threading.Condition, float]]:
        return [(condition, until) for condition, until in self._waits.values() if abs(until - time) < 1e-6]
