"""Clock tree of the STM32G0 (RM0444 chapter 5): PLL from the 16 MHz oscillator HSI16, which the chip starts from.

    PLL input  = HSI16 / m           2.66 to 16 MHz
    VCO        = PLL input * n       96 to 344 MHz
    core       = VCO / r             r is 2 to 8
    APB        = core / apb_divider

AHB is not divided, so it runs at the core clock. Nothing on the board is needed; the HSI16 is within 1 % (DS13560,
HSI16 oscillator characteristics). Voltage range 1, which the clock needs, is that of reset (RM0444 chapter 4, PWR_CR1).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, pll_gives, within

HSI_HZ: Final = 16_000_000  # RM0444 chapter 5, HSI16 clock

# RM0444 chapter 5, RCC_PLLCFGR; DS13560, PLL characteristics
INPUT_HZ: Final = (2_660_000, 16_000_000)
VCO_HZ: Final = (96_000_000, 344_000_000)
M: Final = range(1, 9)
N: Final = range(8, 87)
R: Final = range(2, 9)
SOURCE_HSI: Final = 0b10
R_ENABLE: Final = 1 << 28

MAX_HZ: Final = 64_000_000  # DS13560, general operating conditions, range 1
WAIT_STATE_HZ: Final = (
    24_000_000  # RM0444 chapter 3, read access latency: one more wait state for each 24 MHz in range 1
)
ACCELERATOR: Final = 0b11 << 8  # RM0444 chapter 3, FLASH_ACR: PRFTEN, ICEN

MANUAL: Final = "See RM0444 chapter 5."


@dataclass(frozen=True)
class Pll:
    """Factors of the PLL."""

    m: int
    n: int
    r: int


@dataclass(frozen=True)
class Stm32G0:
    """The limits are the same for the whole family."""

    DRIVER: ClassVar[str] = "stm32g0"

    hz: int
    pll: Pll
    apb_divider: int

    @property
    def fallback_hz(self) -> int:
        return HSI_HZ

    def bus_hz(self, bus: str) -> int:
        return self.hz // {"ahb": 1, "apb": self.apb_divider}[bus]

    def check(self) -> None:
        one_of("clock.apb_divider", self.apb_divider, APB_CODES, MANUAL)
        pll = self.pll
        within("clock.pll.m", pll.m, M[0], M[-1], MANUAL)
        within("clock.pll.n", pll.n, N[0], N[-1], MANUAL)
        within("clock.pll.r", pll.r, R[0], R[-1], MANUAL)
        within("PLL input (16 MHz / clock.pll.m)", HSI_HZ / pll.m, *INPUT_HZ, MANUAL)
        vco = HSI_HZ * pll.n / pll.m
        within("VCO (16 MHz / clock.pll.m * clock.pll.n)", vco, *VCO_HZ, MANUAL)
        pll_gives(self.hz, vco / pll.r)
        within("clock.hz", self.hz, 0, MAX_HZ, MANUAL)

    def words(self) -> dict[str, int]:
        pll = self.pll
        return {
            "PLLCFGR": SOURCE_HSI | (pll.m - 1) << 4 | pll.n << 8 | R_ENABLE | (pll.r - 1) << 29,
            "CFGR": APB_CODES[self.apb_divider] << 12,
            "FLASH_ACR": (self.hz - 1) // WAIT_STATE_HZ | ACCELERATOR,
        }
