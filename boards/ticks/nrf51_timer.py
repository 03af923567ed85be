"""TIMER of Nordic's nRF51 (reference manual 3.0, chapter 18) and nRF52 (nRF52840 product specification, 6.30): 32 bits
at 16 MHz.

The Cortex-M0 of the nRF51 has no SysTick, and that of the nRF52 stands still while the core sleeps.
"""

from dataclasses import dataclass
from typing import ClassVar

from boards.errors import Implausible


@dataclass(frozen=True)
class Nrf51Timer:
    """`base` and `interrupt` are those of TIMER0, the one with 32 bits on all of them; the core has `periods` clock
    periods in each of its counts, 1 on an nRF51 and 4 on an nRF52."""

    DRIVER: ClassVar[str] = "nrf51_timer"

    base: int
    interrupt: int
    periods: int = 1

    @property
    def exception(self) -> int:
        return 16 + self.interrupt

    def check(self) -> None:
        # nRF51 reference manual, chapter 10 (peripheral interface): interrupt number and address are one number
        if self.base != 0x4000_0000 + 0x1000 * self.interrupt or not 0 <= self.interrupt < 32:
            raise Implausible(
                "ticks.base",
                f"is {self.base:#x} with interrupt {self.interrupt}, expected 0x40000000 + 0x1000 * interrupt.",
                "See the nRF51 reference manual, peripheral interface.",
            )

        if self.periods not in (1, 4):
            raise Implausible("ticks.periods", f"is {self.periods}, expected 1 (nRF51) or 4 (nRF52).", "Correct it.")

    def words(self) -> dict[str, str]:
        return {"BASE": f"{self.base:#010x}u", "INTERRUPT": str(self.interrupt), "PERIODS": f"{self.periods}u"}
