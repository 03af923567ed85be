"""Clock of Nordic's nRF51 (reference manual 3.0, chapter 13) and nRF52 (nRF52840 product specification, 5.4), alike to
software: an RC oscillator or a crystal, at the same frequency.

The core starts on the RC oscillator and moves to the crystal when that has started; the accuracy is another. The core
of an nRF51 runs at 16 MHz, that of an nRF52 at 64 MHz; the peripherals count 16 MHz on both.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

CORE_HZ: Final = {16_000_000: "nRF51", 64_000_000: "nRF52"}
PERIPHERAL_HZ: Final = 16_000_000


@dataclass(frozen=True)
class Nrf51:
    """`hz` is that of the core."""

    DRIVER: ClassVar[str] = "nrf51"

    hz: int

    @property
    def fallback_hz(self) -> int:
        return self.hz

    def bus_hz(self, bus: str) -> int:
        if bus != "peripherals":
            raise KeyError(bus)
        return PERIPHERAL_HZ

    def check(self) -> None:
        if self.hz not in CORE_HZ:
            known = " or ".join(f"{hz} ({chip})" for hz, chip in CORE_HZ.items())
            raise Implausible("clock.hz", f"is {self.hz}, expected {known}.", "Correct it.")

    def words(self) -> dict[str, int]:
        return {}
