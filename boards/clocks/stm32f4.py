"""Clock tree of the STM32F4 and F7: oscillator, PLL, bus dividers; flash wait states and over-drive follow.

Sections are of RM0390 (F446); RM0368 (F401), RM0090 (F405, F407) and RM0385 (F746) describe the same registers, and
what they say differently is a figure of the board file.

    VCO input  = source / m          1 to 2 MHz
    VCO output = VCO input * n       100 to 432 MHz
    core       = VCO output / p      p is 2, 4, 6 or 8
    APBx       = core / apbx_divider

AHB is not divided, so it runs at the core clock.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, pll_gives, within
from boards.errors import Implausible

HSI_HZ: Final = 16_000_000  # RM0390 6.2.2: the internal oscillator, on after reset

# RM0390 6.3.2, RCC_PLLCFGR
VCO_INPUT_HZ: Final = (1_000_000, 2_000_000)
VCO_OUTPUT_HZ: Final = (100_000_000, 432_000_000)
M: Final = range(2, 64)
N: Final = range(50, 433)
P: Final = (2, 4, 6, 8)
Q: Final = range(2, 16)
R_RESET: Final = 2  # PLLR feeds nothing we use: reset value

SOURCES: Final = {"hsi": 0, "hse": 1, "hse_bypass": 1}  # PLLSRC, bit 22

WAIT_STATE_HZ: Final = 30_000_000  # one more wait state for each 30 MHz, at 2.7 to 3.6 V: RM0390 table 5, others alike
ACCELERATOR: Final = 0b111 << 8  # RM0390 3.8.1: PRFTEN, ICEN, DCEN
VOS: Final = range(4)  # RM0390 5.4.1: two bits; the F405 and F407 have the lower one alone
OVER_DRIVE_ABOVE_HZ: Final = 168_000_000  # RM0390 5.1.3: voltage scale 1 without over-drive; RM0385 says 180 MHz

MANUAL: Final = "See RM0390 6.3."
PLL_MANUAL: Final = "See RM0390 6.3.2."


@dataclass(frozen=True)
class Pll:
    """Factors of the main PLL."""

    m: int
    n: int
    p: int
    q: int


@dataclass(frozen=True)
class Stm32F4:
    """`source` is hsi, hse (a crystal) or hse_bypass (a clock fed in); the three `max_` figures are the part's, and so
    are `vos`, the code of the regulator's voltage scale in PWR_CR that allows `max_hz`, `over_drive_above_hz`, and
    whether there is an `accelerator`, caches in the flash interface, to be set up in FLASH_ACR."""

    DRIVER: ClassVar[str] = "stm32f4"

    hz: int
    source: str
    source_hz: int
    pll: Pll
    apb1_divider: int
    apb2_divider: int
    max_hz: int
    max_apb1_hz: int
    max_apb2_hz: int
    vos: int
    over_drive_above_hz: int = OVER_DRIVE_ABOVE_HZ
    accelerator: bool = True

    @property
    def fallback_hz(self) -> int:
        return HSI_HZ

    def bus_hz(self, bus: str) -> int:
        return self.hz // {"ahb1": 1, "apb1": self.apb1_divider, "apb2": self.apb2_divider}[bus]

    def check(self) -> None:
        one_of("clock.source", self.source, SOURCES, MANUAL)
        one_of("clock.apb1_divider", self.apb1_divider, APB_CODES, MANUAL)
        one_of("clock.apb2_divider", self.apb2_divider, APB_CODES, MANUAL)
        if self.source == "hsi" and self.source_hz != HSI_HZ:
            raise Implausible("clock.source_hz", f"is {self.source_hz}, but the HSI runs at {HSI_HZ}.", "Correct it.")
        one_of("clock.vos", self.vos, VOS, MANUAL)
        pll = self.pll
        within("clock.pll.m", pll.m, M[0], M[-1], PLL_MANUAL)
        within("clock.pll.n", pll.n, N[0], N[-1], PLL_MANUAL)
        one_of("clock.pll.p", pll.p, P, MANUAL)
        within("clock.pll.q", pll.q, Q[0], Q[-1], PLL_MANUAL)
        within("VCO input (clock.source_hz / clock.pll.m)", self.source_hz / pll.m, *VCO_INPUT_HZ, PLL_MANUAL)
        vco = self.source_hz * pll.n / pll.m
        within("VCO output (clock.source_hz / clock.pll.m * clock.pll.n)", vco, *VCO_OUTPUT_HZ, PLL_MANUAL)
        pll_gives(self.hz, vco / pll.p)
        for key, hz, limit in (
            ("clock.hz", self.hz, self.max_hz),
            ("APB1 (clock.hz / clock.apb1_divider)", self.bus_hz("apb1"), self.max_apb1_hz),
            ("APB2 (clock.hz / clock.apb2_divider)", self.bus_hz("apb2"), self.max_apb2_hz),
        ):
            if hz > limit:
                raise Implausible(key, f"is {hz} Hz, above the part's {limit} Hz.", "Lower the clock or divide more.")

    def words(self) -> dict[str, int]:
        pll = self.pll
        wait_states = (self.hz - 1) // WAIT_STATE_HZ
        return {
            "PLLCFGR": pll.m
            | pll.n << 6
            | (pll.p // 2 - 1) << 16
            | SOURCES[self.source] << 22
            | pll.q << 24
            | R_RESET << 28,
            "CFGR": APB_CODES[self.apb1_divider] << 10 | APB_CODES[self.apb2_divider] << 13,
            "FLASH_ACR": wait_states | (ACCELERATOR if self.accelerator else 0),
            "HSE": int(self.source != "hsi"),
            "HSE_BYPASS": int(self.source == "hse_bypass"),
            "VOS": self.vos << 14,
            "OVER_DRIVE": int(self.hz > self.over_drive_above_hz),
        }
