"""Clock tree of the RP2040 (its data sheet, 2.15 to 2.18): a crystal, the system PLL, and what of the chip is taken out
of reset.

    VCO  = source * feedback          750 to 1600 MHz, from a reference of at least 5 MHz
    core = VCO / divider_1 / divider_2

The UARTs and the like count clk_peri, which here is the core's clock. The ring oscillator from which the chip starts
runs at 1.8 to 12 MHz, of which nothing can be timed: the fallback is the crystal without the PLL, and without the
crystal the board is not heard.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

# Data sheet 2.16.1 and 2.18.2
SOURCE_HZ: Final = (5_000_000, 15_000_000)
VCO_HZ: Final = (750_000_000, 1_600_000_000)
FEEDBACK: Final = (16, 320)
DIVIDER: Final = (1, 7)
MAX_HZ: Final = 133_000_000  # data sheet, first page

STARTUP_PERIODS: Final = 256
"""The crystal is waited for in steps of so many of its periods, 1 ms in all (data sheet 2.16.3)."""

RESETS: Final = 25  # bits of RESETS: RESET, data sheet 2.14.3


@dataclass(frozen=True)
class Pll:
    """Factors of the system PLL."""

    feedback: int
    divider_1: int
    divider_2: int


@dataclass(frozen=True)
class Rp2040:
    """`resets` are the bits of the peripherals to be taken out of reset, beside the PLL."""

    DRIVER: ClassVar[str] = "rp2040"

    hz: int
    source_hz: int
    pll: Pll
    resets: tuple[int, ...]

    @property
    def fallback_hz(self) -> int:
        return self.source_hz

    def bus_hz(self, bus: str) -> int:
        if bus != "peri":
            raise KeyError(bus)
        return self.hz

    def check(self) -> None:
        pll = self.pll
        _within("clock.source_hz", self.source_hz, SOURCE_HZ)
        _within("clock.pll.feedback", pll.feedback, FEEDBACK)
        _within("clock.pll.divider_1", pll.divider_1, DIVIDER)
        _within("clock.pll.divider_2", pll.divider_2, DIVIDER)
        vco = self.source_hz * pll.feedback
        _within("VCO (clock.source_hz * clock.pll.feedback)", vco, VCO_HZ)
        if self.hz * pll.divider_1 * pll.divider_2 != vco:
            raise Implausible(
                "clock.hz",
                f"is {self.hz}, but the PLL factors give {vco / pll.divider_1 / pll.divider_2:.0f}.",
                "Correct the one or the other.",
            )
        if self.hz > MAX_HZ:
            raise Implausible("clock.hz", f"is {self.hz} Hz, above the part's {MAX_HZ} Hz.", "Lower the clock.")
        for bit in self.resets:
            _within("clock.resets", bit, (0, RESETS - 1))

    def words(self) -> dict[str, int]:
        pll = self.pll
        return {
            "STARTUP": -(-self.source_hz // 1000 // STARTUP_PERIODS),
            "FEEDBACK": pll.feedback,
            "DIVIDERS": pll.divider_1 << 16 | pll.divider_2 << 12,
            "RESETS": sum(1 << bit for bit in set(self.resets)),
        }


def _within(key: str, value: int, limits: tuple[int, int]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise Implausible(key, f"is {value}, expected {low} to {high}.", "See the RP2040 data sheet, 2.14 to 2.18.")
