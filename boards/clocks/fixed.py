"""A clock that the firmware cannot change: an FPGA image or an emulated machine."""

from dataclasses import dataclass
from typing import ClassVar

from boards.errors import Implausible


@dataclass(frozen=True)
class Fixed:
    """Core and buses run at `hz`."""

    DRIVER: ClassVar[str] = "fixed"

    hz: int

    @property
    def fallback_hz(self) -> int:
        return self.hz

    def bus_hz(self, bus: str) -> int:
        if bus != "core":
            raise KeyError(bus)
        return self.hz

    def check(self) -> None:
        if self.hz <= 0:
            raise Implausible("clock.hz", f"is {self.hz}, expected a frequency above 0.", "Give the clock in hertz.")

    def words(self) -> dict[str, int]:
        return {}
