"""Clock tree of the STM32U5 (RM0456 chapter 11): PLL1 from the 16 MHz oscillator HSI16; voltage range 1 with its
booster, flash wait states and the instruction cache follow.

    PLL input  = HSI16 / m           4 to 16 MHz
    VCO        = PLL input * n       128 to 544 MHz
    core       = VCO / r             r is 1 or even
    APBx       = core / apbx_divider

AHB is not divided, so it runs at the core clock. Nothing on the board is needed; the HSI16 is within 1 % (DS13737,
HSI16 oscillator characteristics). The regulator is the LDO, that of reset, whatever the board could do besides. The
chip starts from the MSIS at 4 MHz, too slow for the link: the firmware sets it to 16 MHz first, and that is the
fallback.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, pll_gives, within

MSIS_HZ: Final = 16_000_000  # RM0456 chapter 11, RCC_ICSCR1, MSISRANGE 2
HSI_HZ: Final = 16_000_000  # RM0456 chapter 11, HSI16 clock

# RM0456 chapter 11, RCC_PLL1CFGR and RCC_PLL1DIVR; DS13737, PLL characteristics at range 1
INPUT_HZ: Final = (4_000_000, 16_000_000)
VCO_HZ: Final = (128_000_000, 544_000_000)
M: Final = range(1, 17)
N: Final = range(4, 513)
R: Final = (1, *range(2, 129, 2))
SOURCE_HSI: Final = 0b10
HIGH_INPUT_FROM_HZ: Final = 8_000_000
HIGH_INPUT: Final = 0b11 << 2  # PLL1RGE
R_ENABLE: Final = 1 << 18
P_Q_RESET: Final = 1 << 9 | 1 << 16  # halves, of outputs that are off

MAX_HZ: Final = 160_000_000  # DS13737, general operating conditions, range 1
WAIT_STATE_HZ: Final = (
    32_000_000  # RM0456 chapter 7, read access latency: one more wait state for each 32 MHz at range 1
)
PREFETCH: Final = 1 << 8  # RM0456 chapter 7, FLASH_ACR, PRFTEN

MANUAL: Final = "See RM0456 chapter 11."


@dataclass(frozen=True)
class Pll:
    """Factors of PLL1. The booster takes what the PLL does, before m: 16 MHz, the most it may be given (RM0456 chapter
    10, EPOD booster)."""

    m: int
    n: int
    r: int


@dataclass(frozen=True)
class Stm32U5:
    """The limits are the same for the whole family."""

    DRIVER: ClassVar[str] = "stm32u5"

    hz: int
    pll: Pll
    apb1_divider: int
    apb2_divider: int

    @property
    def fallback_hz(self) -> int:
        return MSIS_HZ

    def bus_hz(self, bus: str) -> int:
        return self.hz // {"ahb": 1, "apb1": self.apb1_divider, "apb2": self.apb2_divider}[bus]

    def check(self) -> None:
        one_of("clock.apb1_divider", self.apb1_divider, APB_CODES, MANUAL)
        one_of("clock.apb2_divider", self.apb2_divider, APB_CODES, MANUAL)
        pll = self.pll
        within("clock.pll.m", pll.m, M[0], M[-1], MANUAL)
        within("clock.pll.n", pll.n, N[0], N[-1], MANUAL)
        one_of("clock.pll.r", pll.r, R, MANUAL)
        within("PLL input (16 MHz / clock.pll.m)", HSI_HZ / pll.m, *INPUT_HZ, MANUAL)
        vco = HSI_HZ * pll.n / pll.m
        within("VCO (16 MHz / clock.pll.m * clock.pll.n)", vco, *VCO_HZ, MANUAL)
        pll_gives(self.hz, vco / pll.r)
        within("clock.hz", self.hz, 0, MAX_HZ, MANUAL)

    def words(self) -> dict[str, int]:
        pll = self.pll
        input_range = HIGH_INPUT if HSI_HZ / pll.m >= HIGH_INPUT_FROM_HZ else 0
        return {
            "PLL1CFGR": SOURCE_HSI | input_range | (pll.m - 1) << 8 | R_ENABLE,
            "PLL1DIVR": pll.n - 1 | P_Q_RESET | (pll.r - 1) << 24,
            "CFGR2": APB_CODES[self.apb1_divider] << 4 | APB_CODES[self.apb2_divider] << 8,
            "FLASH_ACR": (self.hz - 1) // WAIT_STATE_HZ | PREFETCH,
        }
