"""UART of Nordic's nRF51 (reference manual 3.0, chapter 29) and nRF52 (nRF52840 product specification, 6.33, the UART
without EasyDMA): any pin, a rate from a list, a FIFO of six received bytes.

The manual gives BAUDRATE as a list of values for the usual rates. They are baud * 2^32 / 16 MHz, to the nearest
multiple of 4096; whether values off the list work is not documented, so only the list is accepted. What comes out is 16
MHz over a whole number, 2^32 / BAUDRATE rounded down: so the rates in nrf52840_bitfields.h of Nordic's nrfx.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

HFCLK_HZ: Final = (
    16_000_000  # reference manual, chapter 13: the UART counts it whatever runs it, and whatever the core runs at
)
RATES: Final = (9_600, 14_400, 19_200, 28_800, 38_400, 57_600, 76_800, 115_200, 230_400, 250_000, 1_000_000)
"""Without 460,800 and 921,600, which are 2.1 % off."""
GRAIN: Final = 0x1000
PINS: Final = range(48)  # P0.00 to P0.31; P1.00 to P1.15, on an nRF52840, are 32 and up, as PSEL has them


@dataclass(frozen=True)
class Nrf51Uart:
    """`transmit` and `receive` are pins: 32 times the port and the number in it."""

    DRIVER: ClassVar[str] = "nrf51_uart"

    base: int
    interrupt: int
    baud: int
    transmit: int
    receive: int

    @property
    def bus(self) -> str:
        return "peripherals"

    def divisor(self, bus_hz: int) -> int:
        """Not a divisor: the value of BAUDRATE, which grows with the rate."""
        return round(self.baud * (1 << 32) / HFCLK_HZ / GRAIN) * GRAIN

    def actual_baud(self, bus_hz: int) -> float:
        return HFCLK_HZ / ((1 << 32) // self.divisor(bus_hz))

    def check(self) -> None:
        # nRF51 reference manual, chapter 10 (peripheral interface): interrupt number and address are one number
        if self.base != 0x4000_0000 + 0x1000 * self.interrupt:
            raise Implausible(
                "uart.base",
                f"is {self.base:#x} with interrupt {self.interrupt}, expected 0x40000000 + 0x1000 * interrupt.",
                "See the nRF51 reference manual, peripheral interface.",
            )
        if self.baud not in RATES:
            listed = ", ".join(map(str, RATES))
            raise Implausible("uart.baud", f"is {self.baud}, expected one of {listed}.", "Choose one of them.")
        for key, pin in (("uart.transmit", self.transmit), ("uart.receive", self.receive)):
            if pin not in PINS:
                raise Implausible(key, f"is pin {pin}, expected 0 to 47.", "See the board's schematic.")

    def words(self) -> dict[str, str]:
        return {"TRANSMIT": f"{self.transmit}u", "RECEIVE": f"{self.receive}u"}
