"""The second version of ST's USART and its low-power sibling: registers ISR, ICR, RDR and TDR (RM0385 chapter 31), as
in every STM32 but F1, F2, F4 and L1. The FIFOs that later chips have stay off.

With oversampling by 16 the baud rate is the clock over BRR (RM0385 31.5.4); an LPUART has 256 times the clock over BRR
(RM0351, LPUART, baud rate generation). Either counts the clock of its bus, which is what the RCC selects at reset.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible
from boards.uarts import stm32_pins
from boards.uarts.stm32_pins import Bit, Pin

DIVISOR: Final = (16, 0xFFFF)  # RM0385 31.5.4: USARTDIV of at least 16; BRR has 16 bits
LOW_POWER_DIVISOR: Final = (0x300, 0xF_FFFF)  # RM0351, LPUART_BRR
LOW_POWER_MULTIPLIER: Final = 256


@dataclass(frozen=True)
class Stm32UsartV2:
    """`enable` are the bits, set in this order, that give the UART and its pins a clock and a supply; see stm32_pins
    for `ports`. `low_power`: an LPUART."""

    DRIVER: ClassVar[str] = "stm32_usart_v2"

    base: int
    interrupt: int
    bus: str
    baud: int
    enable: tuple[Bit, ...]
    pins: tuple[Pin, ...]
    ports: str = "moder"
    low_power: bool = False

    def divisor(self, bus_hz: int) -> int:
        low, high = LOW_POWER_DIVISOR if self.low_power else DIVISOR
        return min(max(low, round(self._counted(bus_hz) / self.baud)), high)

    def actual_baud(self, bus_hz: int) -> float:
        return self._counted(bus_hz) / self.divisor(bus_hz)

    def _counted(self, bus_hz: int) -> int:
        return bus_hz * (LOW_POWER_MULTIPLIER if self.low_power else 1)

    def check(self) -> None:
        if self.base % 0x400:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x400.", "See the memory map.")
        stm32_pins.check(self.ports, self.enable, self.pins)

    def words(self) -> dict[str, str]:
        return stm32_pins.words(self.ports, self.enable, self.pins)
