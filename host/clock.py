"""The board's clock on the host's time line.

    offset = ClockOffset(ticks_hz=180_000_000)
    for _ in range(8):
        offset.add(*link.ping())
    offset.host_seconds(result.ticks)      # on the time.monotonic() clock
    offset.error                           # 0.0004: by how much that may be wrong

As NTP does it (RFC 5905, section 10): of several exchanges the one with the least round trip says most, and half of it
bounds the error, whichever way the delay lies. Two such exchanges some time apart tell how much faster one clock runs,
so that the estimate can be carried on.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

KEPT: Final = 64
"""Exchanges that the estimate is made from."""

DRIFT_SECONDS: Final = 10.0
"""The least time between two exchanges that tell of drift: 0.5 ms of uncertainty over it are 50 ppm, what a crystal may
be off."""


@dataclass(frozen=True)
class Exchange:
    """A PING and its PONG, in seconds of the two clocks."""

    host: float  # in the middle between sending and receiving
    board: float
    round_trip: float


class ClockOffset:
    """The board's clock less the host's. `ticks_hz` is how many ticks the board counts in a second of its own."""

    def __init__(self, ticks_hz: float) -> None:
        self._ticks_hz = ticks_hz
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT)

    def add(self, sent: float, received: float, ticks: int) -> None:
        """A PING at `sent` and its PONG at `received`, on the time.monotonic() clock."""
        board = ticks / self._ticks_hz
        if self._exchanges and board < self._exchanges[-1].board:  # the board was reset, and its clock with it
            self._exchanges.clear()
        self._exchanges.append(Exchange((sent + received) / 2, board, received - sent))

    @property
    def known(self) -> bool:
        return bool(self._exchanges)

    @property
    def seconds(self) -> float:
        """The offset when the latest exchange was made. Raises ValueError if there was none."""
        best = self._best()
        return best.board - best.host + self.drift * (self._exchanges[-1].host - best.host)

    @property
    def error(self) -> float:
        """Half of the least round trip: the offset at that exchange is at most so much off."""
        return self._best().round_trip / 2

    @property
    def drift(self) -> float:
        """By how much the board's clock is faster than the host's: 1e-6 is one part in a million. 0 while too little
        time has passed."""
        if not self._exchanges:
            return 0.0
        middle = (self._exchanges[0].host + self._exchanges[-1].host) / 2
        halves = [[each for each in self._exchanges if (each.host < middle) is early] for early in (True, False)]
        if not all(halves):
            return 0.0
        first, last = (min(half, key=lambda each: each.round_trip) for half in halves)
        if last.host - first.host < DRIFT_SECONDS:
            return 0.0
        return (last.board - first.board) / (last.host - first.host) - 1

    def host_seconds(self, ticks: int) -> float:
        """When the board's clock showed `ticks`, on the time.monotonic() clock. Raises ValueError if there was no
        exchange."""
        best = self._best()
        return best.host + (ticks / self._ticks_hz - best.board) / (1 + self.drift)

    def _best(self) -> Exchange:
        return min(self._exchanges, key=lambda each: each.round_trip)
