"""Clock of Nordic's nRF51 (reference manual 3.0, chapter 13): 16 MHz, from an RC oscillator or a crystal.

The core starts on the RC oscillator and moves to the crystal when that has started; the frequency is the same, the
accuracy is not.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

HFCLK_HZ: Final = 16_000_000


@dataclass(frozen=True)
class Nrf51:
    """Core and peripherals run at 16 MHz."""

    DRIVER: ClassVar[str] = "nrf51"

    hz: int

    @property
    def fallback_hz(self) -> int:
        return HFCLK_HZ

    def bus_hz(self, bus: str) -> int:
        if bus != "core":
            raise KeyError(bus)
        return self.hz

    def check(self) -> None:
        if self.hz != HFCLK_HZ:
            raise Implausible("clock.hz", f"is {self.hz}, but the nRF51 runs at {HFCLK_HZ}.", "Correct it.")

    def words(self) -> dict[str, int]:
        return {}
