"""The first version of ST's USART: registers SR, DR, BRR, CR1 (RM0390 chapter 25), as in STM32F1, F2, F4 and L1.

With oversampling by 16 the baud rate is the bus clock over BRR, which holds the divisor in sixteenths (RM0390 25.4.4).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

DIVISOR: Final = (16, 0xFFFF)  # BRR has 16 bits, and a whole part of 0 is not a divisor


@dataclass(frozen=True)
class Bit:
    """A bit of a register."""

    register: int
    bit: int


@dataclass(frozen=True)
class Pin:
    """A pin of the GPIO port at address `gpio`, and the alternate function that is the UART."""

    name: str
    gpio: int
    pin: int
    function: int


@dataclass(frozen=True)
class Stm32Usart:
    """`enable` are the RCC bits that give the UART and its pins a clock."""

    DRIVER: ClassVar[str] = "stm32_usart"

    base: int
    interrupt: int
    bus: str
    baud: int
    enable: tuple[Bit, ...]
    pins: tuple[Pin, ...]

    def divisor(self, bus_hz: int) -> int:
        low, high = DIVISOR
        return min(max(low, round(bus_hz / self.baud)), high)

    def actual_baud(self, bus_hz: int) -> float:
        return bus_hz / self.divisor(bus_hz)

    def check(self) -> None:
        if self.base % 0x400:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x400.", "See RM0390 2.2.2.")
        for index, bit in enumerate(self.enable):
            if bit.register % 4 or not 0 <= bit.bit < 32:
                raise Implausible(
                    f"uart.enable[{index}]",
                    f"is bit {bit.bit} of {bit.register:#x}, expected bit 0 to 31 of an aligned register.",
                    "See RM0390 6.3.",
                )
        for index, pin in enumerate(self.pins):
            if not 0 <= pin.pin < 16 or not 0 <= pin.function < 16:
                raise Implausible(
                    f"uart.pins[{index}]",
                    f"is pin {pin.pin}, function {pin.function}, expected both in 0 to 15.",
                    "See the alternate functions in the data sheet.",
                )

    def words(self) -> dict[str, str]:
        bits = ", ".join(f"{{{bit.register:#010x}u, {bit.bit}u}}" for bit in self.enable)
        pins = ", ".join(f"{{{pin.gpio:#010x}u, {pin.pin}u, {pin.function}u}}" for pin in self.pins)
        return {"ENABLE": f"{{{bits}}}", "PINS": f"{{{pins}}}"}
