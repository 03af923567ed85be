"""SysTick, the timer that nearly every Cortex-M has (DDI0403 B3.3): 24 bits, counting the core clock."""

from dataclasses import dataclass
from typing import ClassVar, Final

EXCEPTION: Final = 15  # DDI0403 B1.5.2


@dataclass(frozen=True)
class Systick:
    """Nothing to say about it: it is part of the core."""

    DRIVER: ClassVar[str] = "systick"

    @property
    def exception(self) -> int:
        return EXCEPTION

    def check(self) -> None:
        """Nothing can be wrong."""

    def words(self) -> dict[str, str]:
        return {}


SYSTICK: Final = Systick()
