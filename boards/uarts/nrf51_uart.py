"""UART of Nordic's nRF51 (reference manual 3.0, chapter 29): any pin, a rate from a list, a FIFO of six received bytes.

The manual gives BAUDRATE as a list of values for the usual rates. They are baud * 2^32 / 16 MHz, to the nearest multiple
of 4096; whether values off the list work is not documented, so only the list is accepted.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

HFCLK_HZ: Final = 16_000_000  # reference manual, chapter 13: the UART counts it whatever runs it
RATES: Final = (9_600, 14_400, 19_200, 28_800, 38_400, 57_600, 76_800, 115_200, 230_400, 250_000, 460_800, 1_000_000)
GRAIN: Final = 0x1000  # of all values in the list but that of 921,600, which is left out for it
PINS: Final = range(32)


@dataclass(frozen=True)
class Nrf51Uart:
    """`transmit` and `receive` are pins of port 0."""

    DRIVER: ClassVar[str] = "nrf51_uart"

    base: int
    interrupt: int
    baud: int
    transmit: int
    receive: int

    @property
    def bus(self) -> str:
        return "core"

    def divisor(self, bus_hz: int) -> int:
        """Not a divisor: the value of BAUDRATE, which grows with the rate."""
        return round(self.baud * (1 << 32) / bus_hz / GRAIN) * GRAIN

    def actual_baud(self, bus_hz: int) -> float:
        return self.divisor(bus_hz) * bus_hz / (1 << 32)

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
                raise Implausible(key, f"is pin {pin}, expected 0 to 31.", "See the board's schematic.")

    def words(self) -> dict[str, str]:
        return {"TRANSMIT": f"{self.transmit}u", "RECEIVE": f"{self.receive}u"}
