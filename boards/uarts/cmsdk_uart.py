"""The APB UART of Arm's Cortex-M System Design Kit (DDI0479, chapter 4): baud = clock / BAUDDIV."""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.errors import Implausible

MINIMUM_DIVISOR: Final = 16  # DDI0479, UART programmers model: BAUDDIV below 16 is not allowed


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
        return max(MINIMUM_DIVISOR, round(bus_hz / self.baud))

    def actual_baud(self, bus_hz: int) -> float:
        return bus_hz / self.divisor(bus_hz)

    def check(self) -> None:
        if self.base % 0x1000:
            raise Implausible("uart.base", f"is {self.base:#x}, expected a multiple of 0x1000.", "See AN386.")

    def words(self) -> dict[str, str]:
        return {}
