"""How long to wait for an answer before the request is said again.

    timer = Timer()
    timer.add(0.0031)          # a round trip, of a request that was said once
    timer.seconds              # 0.01
    timer.back_off()           # nothing came: 0.02, 0.04 ...

Jacobson and Karels, "Congestion Avoidance and Control", 1988, as in RFC 6298: the smoothed round trip and four times
its mean deviation, doubled with each silence. A request that was said twice measures nothing, since nobody knows which
of the two was answered (Karn's rule); it takes half a doubling back. So on a line that loses every fifth request the
wait stays short, and where it is too short for the board it gets longer with each request, until one is measured. One
timer for each kind of answer: inference is part of the round trip to RESULT.
"""

from typing import Final

FLOOR: Final = 0.01
"""Seconds. Below it a busy computer decides how long an answer takes, and one question too many costs a few bytes."""

CEILING: Final = 1.0
"""Seconds up to which a wait is doubled."""

DOUBLINGS: Final = 3
"""At most: a line that loses much is not waited for."""

INITIAL: Final = 0.2
"""Seconds to wait while nothing was measured on the link."""

GAIN: Final = 1 / 8
DEVIATION_GAIN: Final = 1 / 4


class Timer:
    """For one kind of answer on one link. `initial` is what to wait, in seconds, while none was measured."""

    def __init__(self, initial: float = INITIAL) -> None:
        self._initial = initial
        self._smoothed: float | None = None
        self._deviation = 0.0
        self._doubled = 0.0

    def add(self, round_trip: float) -> None:
        """Seconds from a request to its answer. Ends all doubling."""
        self._doubled = 0.0
        if self._smoothed is None:
            self._smoothed, self._deviation = round_trip, round_trip / 2
            return
        self._deviation += DEVIATION_GAIN * (abs(round_trip - self._smoothed) - self._deviation)
        self._smoothed += GAIN * (round_trip - self._smoothed)

    def back_off(self) -> None:
        """Nothing at all came in time."""
        self._doubled = min(DOUBLINGS + 0.5, self._doubled + 1)

    def answered(self) -> None:
        """An answer came, if not the first time."""
        self._doubled = max(0.0, self._doubled - 0.5)

    @property
    def seconds(self) -> float:
        """The wait that is due now."""
        base = max(FLOOR, self._initial if self._smoothed is None else self._smoothed + 4 * self._deviation)
        return max(base, min(CEILING, base * (1 << int(self._doubled))))
