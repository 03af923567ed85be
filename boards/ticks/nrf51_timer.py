"""TIMER of Nordic's nRF51 (reference manual 3.0, chapter 18), whose Cortex-M0 has no SysTick: 24 bits at 16 MHz."""

from dataclasses import dataclass
from typing import ClassVar

from boards.errors import Implausible


@dataclass(frozen=True)
class Nrf51Timer:
    """`base` and `interrupt` are those of one TIMER; undivided it counts the core clock."""

    DRIVER: ClassVar[str] = "nrf51_timer"

    base: int
    interrupt: int

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

    def words(self) -> dict[str, str]:
        return {"BASE": f"{self.base:#010x}u", "INTERRUPT": str(self.interrupt)}
