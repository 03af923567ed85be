"""Time bases, one file per kind. Each has its twin `ticks_<driver>.c` in firmware/hal.

A kind is a frozen dataclass whose fields are the keys of the TOML's [ticks] table and which has the members of `Ticks`;
it has its place in TICKS. `DRIVER` is what the TOML's `driver` says. A board without that table uses SysTick.
"""

from typing import ClassVar, Final, Protocol

from boards.ticks import nrf51_timer, systick
from boards.ticks.systick import SYSTICK


class Ticks(Protocol):
    """A counter of core clock periods that interrupts when it wraps."""

    DRIVER: ClassVar[str]

    @property
    def exception(self) -> int:
        """Number of its exception in the vector table: 15 for SysTick, 16 and more for interrupts."""

    def check(self) -> None:
        """Raises boards.errors.Implausible for the first value that cannot be right."""

    def words(self) -> dict[str, str]:
        """Further definitions for board.h, as C text, by name without the BOARD_TICKS_ prefix."""


TICKS: Final[tuple[type[Ticks], ...]] = (
    nrf51_timer.Nrf51Timer,
    systick.Systick,
)

__all__ = ["SYSTICK", "TICKS", "Ticks"]
