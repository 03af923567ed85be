"""The APB UART of Arm's Cortex-M System Design Kit (DDI0479, chapter 4): baud = clock / BAUDDIV."""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

DIVISOR: Final = (16, 0xF_FFFF)  # DDI0479, UART programmers model: BAUDDIV has 20 bits and must be at least 16


@dataclass(frozen=True)
class CmsdkUart:
    """`interrupt` is the receive interrupt."""

    DRIVER: ClassVar[str] = "cmsdk_uart"

    base: int
    interrupt: int
    baud: int

    @property
    def bus(self) -> str:
        return "core"

    def divisor(self, bus_hz: int) -> int:
        low, high = DIVISOR
        return min(max(low, round(bus_hz / self.baud)), high)

    def actual_baud(self, bus_hz: int) -> float:
        return bus_hz / self.divisor(bus_hz)

    def check(self) -> None:
        if self.base % 0x1000:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x1000.", "See AN386.")

    def words(self) -> dict[str, str]:
        return {}
