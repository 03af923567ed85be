"""Clock tree of the STM32H742, H743, H750 and H753 (RM0433 chapter 8): oscillator, PLL1, bus dividers; flash wait
states follow.

    PLL input  = source / m              1 to 16 MHz
    VCO        = PLL input * n           192 to 836 MHz, the wide range
    core       = VCO / p                 p is even
    AXI, AHB   = core / ahb_divider
    APB1 to 4  = AHB / apb_divider

Voltage scale 1 from the LDO, the only regulator of these parts: 400 MHz, what every revision of the silicon runs at.
The 480 MHz of scale 0 need revision V (DS12110, general operating conditions) and are left alone.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, pll_gives, within
from boards.errors import Implausible

HSI_HZ: Final = 64_000_000  # RM0433 chapter 8, HSI oscillator: the internal oscillator, on and undivided after reset
SOURCES: Final = {"hsi": 0, "hse": 2, "hse_bypass": 2}  # RM0433 chapter 8, RCC_PLLCKSELR, PLLSRC
AHB_CODES: Final = {1: 0b0000, 2: 0b1000, 4: 0b1001, 8: 0b1010, 16: 0b1011}  # RM0433 chapter 8, RCC_D1CFGR, HPRE

# RM0433 chapter 8, RCC_PLLCKSELR, RCC_PLLCFGR, RCC_PLL1DIVR; DS12110, PLL characteristics: 836 MHz is that of revision
# Y, the lower one
INPUT_HZ: Final = (1_000_000, 16_000_000)
VCO_HZ: Final = (192_000_000, 836_000_000)
M: Final = range(1, 64)
N: Final = range(4, 513)
P: Final = range(2, 129, 2)
RANGE_FROM_HZ: Final = (2_000_000, 4_000_000, 8_000_000)  # RM0433 chapter 8, RCC_PLLCFGR, PLL1RGE: 1, 2, 3 from here on
P_ENABLE: Final = 1 << 16
Q_R_RESET: Final = 1 << 16 | 1 << 24  # RCC_PLL1DIVR after reset: halves, of outputs that are off

# DS12110, general operating conditions at scale 1
MAX_HZ: Final = 400_000_000
MAX_AHB_HZ: Final = 200_000_000
MAX_APB_HZ: Final = 100_000_000

WAIT_STATES: Final = ((70_000_000, 0, 0), (140_000_000, 1, 1), (185_000_000, 2, 1), (210_000_000, 2, 2))
"""RM0433 chapter 4, recommended number of wait states and programming delay, at scale 1: up to this AXI clock, wait
states, WRHIGHFREQ."""

MANUAL: Final = "See RM0433 chapter 8."


@dataclass(frozen=True)
class Pll:
    """Factors of PLL1."""

    m: int
    n: int
    p: int


@dataclass(frozen=True)
class Stm32H7:
    """`source` is hsi, hse (a crystal) or hse_bypass (a clock fed in)."""

    DRIVER: ClassVar[str] = "stm32h7"

    hz: int
    source: str
    source_hz: int
    pll: Pll
    ahb_divider: int
    apb_divider: int

    @property
    def fallback_hz(self) -> int:
        return HSI_HZ

    def bus_hz(self, bus: str) -> int:
        ahb = self.hz // self.ahb_divider
        return {"ahb": ahb, "apb": ahb // self.apb_divider}[bus]

    def check(self) -> None:
        one_of("clock.source", self.source, SOURCES, MANUAL)
        one_of("clock.ahb_divider", self.ahb_divider, AHB_CODES, MANUAL)
        one_of("clock.apb_divider", self.apb_divider, APB_CODES, MANUAL)
        if self.source == "hsi" and self.source_hz != HSI_HZ:
            raise Implausible("clock.source_hz", f"is {self.source_hz}, but the HSI runs at {HSI_HZ}.", "Correct it.")
        pll = self.pll
        within("clock.pll.m", pll.m, M[0], M[-1], MANUAL)
        within("clock.pll.n", pll.n, N[0], N[-1], MANUAL)
        one_of("clock.pll.p", pll.p, P, MANUAL)
        within("PLL input (clock.source_hz / clock.pll.m)", self.source_hz / pll.m, *INPUT_HZ, MANUAL)
        vco = self.source_hz * pll.n / pll.m
        within("VCO (clock.source_hz / clock.pll.m * clock.pll.n)", vco, *VCO_HZ, MANUAL)
        pll_gives(self.hz, vco / pll.p)
        within("clock.hz", self.hz, 0, MAX_HZ, MANUAL)
        within("AHB (clock.hz / clock.ahb_divider)", self.bus_hz("ahb"), 0, MAX_AHB_HZ, MANUAL)
        within("APB (AHB / clock.apb_divider)", self.bus_hz("apb"), 0, MAX_APB_HZ, MANUAL)

    def words(self) -> dict[str, int]:
        pll, apb = self.pll, APB_CODES[self.apb_divider]
        input_range = sum(self.source_hz / pll.m >= start for start in RANGE_FROM_HZ)
        wait_states, high_frequency = next(rest for limit, *rest in WAIT_STATES if self.bus_hz("ahb") <= limit)
        return {
            "PLLCKSELR": SOURCES[self.source] | pll.m << 4,
            "PLLCFGR": input_range << 2 | P_ENABLE,
            "PLL1DIVR": pll.n - 1 | (pll.p - 1) << 9 | Q_R_RESET,
            "D1CFGR": AHB_CODES[self.ahb_divider] | apb << 4,
            "D2CFGR": apb << 4 | apb << 8,
            "D3CFGR": apb << 4,
            "FLASH_ACR": wait_states | high_frequency << 4,
            "HSE": int(self.source != "hsi"),
            "HSE_BYPASS": int(self.source == "hse_bypass"),
        }
