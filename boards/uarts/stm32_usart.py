"""The first version of ST's USART: registers SR, DR, BRR, CR1 (RM0390 chapter 25), as in STM32F1, F2, F4 and L1.

With oversampling by 16 the baud rate is the bus clock over BRR, which holds the divisor in sixteenths (RM0390 25.4.4).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible
from boards.uarts import stm32_pins
from boards.uarts.stm32_pins import Bit, Pin

DIVISOR: Final = (16, 0xFFFF)  # BRR has 16 bits, and a whole part of 0 is not a divisor


@dataclass(frozen=True)
class Stm32Usart:
    """`enable` are the bits, set in this order, that give the UART and its pins a clock; see stm32_pins for `ports`."""

    DRIVER: ClassVar[str] = "stm32_usart"

    base: int
    interrupt: int
    bus: str
    baud: int
    enable: tuple[Bit, ...]
    pins: tuple[Pin, ...]
    ports: str = "moder"

    def divisor(self, bus_hz: int) -> int:
        low, high = DIVISOR
        return min(max(low, round(bus_hz / self.baud)), high)

    def actual_baud(self, bus_hz: int) -> float:
        return bus_hz / self.divisor(bus_hz)

    def check(self) -> None:
        if self.base % 0x400:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x400.", "See RM0390 2.2.2.")
        stm32_pins.check(self.ports, self.enable, self.pins)

    def words(self) -> dict[str, str]:
        return stm32_pins.words(self.ports, self.enable, self.pins)
