"""Arm's PrimeCell UART PL011 (DDI0183), as in the RP2040: baud = clock / 16 / divisor, the divisor in 64ths, FIFOs of
16 bytes or more."""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

FRACTIONS: Final = 64  # DDI0183 3.3.6: FBRD has 6 bits
DIVISOR: Final = (FRACTIONS, 0xFFFF * FRACTIONS)  # IBRD has 16 bits, 0 is no divisor, and 65535 takes no fraction


@dataclass(frozen=True)
class Write:
    """A word for a register of the chip."""

    register: int
    value: int


@dataclass(frozen=True)
class Pl011:
    """`setup` is written, in order, before the UART is set up: what gives it its pins, which is each chip's own."""

    DRIVER: ClassVar[str] = "pl011"

    base: int
    interrupt: int
    bus: str
    baud: int
    setup: tuple[Write, ...]

    def divisor(self, bus_hz: int) -> int:
        """In 64ths."""
        low, high = DIVISOR
        return min(max(low, round(bus_hz * FRACTIONS / 16 / self.baud)), high)

    def actual_baud(self, bus_hz: int) -> float:
        return bus_hz * FRACTIONS / 16 / self.divisor(bus_hz)

    def check(self) -> None:
        if self.base % 0x1000:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x1000.", "See DDI0183 3.1.")
        for index, write in enumerate(self.setup):
            if write.register % 4 or not 0 <= write.register < 1 << 32 or not 0 <= write.value < 1 << 32:
                raise Implausible(
                    f"uart.setup[{index}]",
                    f"is {write.value:#x} for {write.register:#x}, expected 32 bits for an aligned register.",
                    "See the chip's data sheet.",
                )

    def words(self) -> dict[str, str]:
        writes = ", ".join(f"{{{write.register:#010x}u, {write.value:#010x}u}}" for write in self.setup)
        return {"SETUP": f"{{{writes}}}"}
