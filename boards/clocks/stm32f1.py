"""Clock tree of the STM32F1 (RM0041 chapter 6 for the value line, F100; RM0008 chapter 7 for the F101 and F103).

    core = source * pll_multiplier        the source is the HSE, or half of the HSI
    APBx = core / apbx_divider

AHB is not divided, so it runs at the core clock; neither is the HSE before the PLL.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, within
from boards.errors import Implausible

HSI_HZ: Final = 8_000_000  # RM0041 6.2.2: the internal oscillator, on after reset; the PLL gets half of it
MULTIPLIERS: Final = (2, 16)  # RM0041 6.3.2, PLLMUL
PLL_OUTPUT_FROM_HZ: Final = 16_000_000  # DS6517 (STM32F100), PLL characteristics; up to max_hz
SOURCES: Final = {"hsi": 0, "hse": 1, "hse_bypass": 1}  # PLLSRC, bit 16
WAIT_STATE_HZ: Final = 24_000_000  # RM0008 3.3.3: one more wait state for each 24 MHz; RM0041 knows none
PREFETCH: Final = 1 << 4  # RM0008 3.3.3, PRFTBE


@dataclass(frozen=True)
class Stm32F1:
    """`source` is hsi, hse (a crystal) or hse_bypass (a clock fed in); the three `max_` figures are the part's."""

    DRIVER: ClassVar[str] = "stm32f1"

    hz: int
    source: str
    source_hz: int
    pll_multiplier: int
    apb1_divider: int
    apb2_divider: int
    max_hz: int
    max_apb1_hz: int
    max_apb2_hz: int

    @property
    def fallback_hz(self) -> int:
        return HSI_HZ

    def bus_hz(self, bus: str) -> int:
        return self.hz // {"ahb": 1, "apb1": self.apb1_divider, "apb2": self.apb2_divider}[bus]

    def check(self) -> None:
        manual = "See RM0041 6.3.2."
        one_of("clock.source", self.source, SOURCES, manual)
        one_of("clock.apb1_divider", self.apb1_divider, APB_CODES, manual)
        one_of("clock.apb2_divider", self.apb2_divider, APB_CODES, manual)
        if self.source == "hsi" and self.source_hz != HSI_HZ:
            raise Implausible("clock.source_hz", f"is {self.source_hz}, but the HSI runs at {HSI_HZ}.", "Correct it.")
        within("clock.pll_multiplier", self.pll_multiplier, *MULTIPLIERS, manual)
        fed = self.source_hz // (2 if self.source == "hsi" else 1)
        if self.hz != fed * self.pll_multiplier:
            raise Implausible(
                "clock.hz",
                f"is {self.hz}, but the PLL gives {fed * self.pll_multiplier}.",
                "Correct the one or the other.",
            )
        within("clock.hz", self.hz, PLL_OUTPUT_FROM_HZ, self.max_hz, manual)
        within("APB1 (clock.hz / clock.apb1_divider)", self.bus_hz("apb1"), 0, self.max_apb1_hz, manual)
        within("APB2 (clock.hz / clock.apb2_divider)", self.bus_hz("apb2"), 0, self.max_apb2_hz, manual)

    def words(self) -> dict[str, int]:
        wait_states = (self.hz - 1) // WAIT_STATE_HZ
        return {
            "CFGR": APB_CODES[self.apb1_divider] << 8
            | APB_CODES[self.apb2_divider] << 11
            | SOURCES[self.source] << 16
            | (self.pll_multiplier - 2) << 18,
            "FLASH_ACR": wait_states | PREFETCH if wait_states else 0,
            "HSE": int(self.source != "hsi"),
            "HSE_BYPASS": int(self.source == "hse_bypass"),
        }
