"""Clock trees, one file per kind. Each has its twin `clock_<driver>.c` in firmware/hal.

A kind is a frozen dataclass whose fields are the keys of the TOML's [clock] table and which has the members of `Clock`;
it has its place in CLOCKS. `DRIVER` is what the TOML's `driver` says.
"""

from typing import ClassVar, Final, Protocol

from boards.clocks import fixed, nrf51, rp2040, stm32f1, stm32f4, stm32g0, stm32h7, stm32l4, stm32u5


class Clock(Protocol):
    """A clock tree."""

    DRIVER: ClassVar[str]

    @property
    def hz(self) -> int:
        """Core clock once the firmware has set the tree up."""

    @property
    def fallback_hz(self) -> int:
        """Core clock, and that of every bus, if the tree does not come up: the oscillator the chip starts from."""

    def bus_hz(self, bus: str) -> int:
        """Clock of a peripheral bus. Raises KeyError for a bus this tree does not have."""

    def check(self) -> None:
        """Raises boards.errors.Implausible for the first value that cannot be right."""

    def words(self) -> dict[str, int]:
        """Register values for board.h, by name without the BOARD_CLOCK_ prefix."""


CLOCKS: Final[tuple[type[Clock], ...]] = (
    fixed.Fixed,
    nrf51.Nrf51,
    rp2040.Rp2040,
    stm32f1.Stm32F1,
    stm32f4.Stm32F4,
    stm32g0.Stm32G0,
    stm32h7.Stm32H7,
    stm32l4.Stm32L4,
    stm32u5.Stm32U5,
)
