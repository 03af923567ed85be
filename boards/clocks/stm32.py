"""What the clock trees of all STM32 have in common: the codes of the bus dividers, and how a wrong value is refused."""

from collections.abc import Iterable
from typing import Final

from boards.errors import Implausible

APB_CODES: Final = {1: 0b000, 2: 0b100, 4: 0b101, 8: 0b110, 16: 0b111}  # RM0390 6.3.3, PPRE1 and PPRE2


def one_of(key: str, value: str | int, allowed: Iterable[str] | Iterable[int], manual: str) -> None:
    """Raises Implausible unless the value is one of `allowed`; `manual` is the next step."""
    options = list(allowed)
    if value not in options:
        listed = ", ".join(str(option) for option in options)
        raise Implausible(key, f"is {value}, expected one of {listed}.", manual)


def within(key: str, value: float, low: float, high: float, manual: str) -> None:
    """Raises Implausible unless low <= value <= high; `manual` is the next step."""
    if not low <= value <= high:
        raise Implausible(key, f"is {value:g}, expected {low:g} to {high:g}.", manual)


def pll_gives(hz: int, found: float) -> None:
    """Raises Implausible unless `found`, what the PLL's factors make of its source, is the board file's `hz`."""
    if hz != found:
        raise Implausible(
            "clock.hz", f"is {hz}, but the PLL factors give {found:.0f}.", "Correct the one or the other."
        )
