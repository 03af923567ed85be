"""Clock tree of the STM32L4 (RM0351 chapter 6) and L4+ (RM0432 chapter 6): PLL from the 16 MHz oscillator HSI16, bus dividers;
flash wait states and, above 80 MHz, the boost mode of voltage range 1 follow.

    PLL input  = HSI16 / m           4 to 16 MHz
    VCO        = PLL input * n       64 to 344 MHz
    core       = VCO / r             r is 2, 4, 6 or 8
    APBx       = core / apbx_divider

AHB is not divided, so it runs at the core clock. Nothing on the board is needed; the HSI16 is within 1 % (DS10198,
HSI16 oscillator characteristics). The chip starts from the MSI at 4 MHz, too slow for the link: the firmware sets it to
16 MHz first, and that is the fallback.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boards.clocks.stm32 import APB_CODES, one_of, pll_gives, within

MSI_HZ: Final = 16_000_000  # RM0351 chapter 6, RCC_CR, MSIRANGE 8
HSI_HZ: Final = 16_000_000  # RM0351 6.2.2, HSI16 clock

# RM0351 chapter 6, RCC_PLLCFGR; DS10198 and DS12023, PLL characteristics. The L4+ allows more of m and n.
INPUT_HZ: Final = (4_000_000, 16_000_000)
VCO_HZ: Final = (64_000_000, 344_000_000)
M: Final = range(1, 9)
N: Final = range(8, 87)
R_CODES: Final = {2: 0b00, 4: 0b01, 6: 0b10, 8: 0b11}
SOURCE_HSI: Final = 0b10
R_ENABLE: Final = 1 << 24

ACCELERATOR: Final = 0b111 << 8  # RM0351 chapter 3, FLASH_ACR: PRFTEN, ICEN, DCEN
BOOST_ABOVE_HZ: Final = 80_000_000  # RM0432 chapter 5, dynamic voltage scaling: range 1 normal mode

MANUAL: Final = "See RM0351 chapter 6."


@dataclass(frozen=True)
class Pll:
    """Factors of the main PLL."""

    m: int
    n: int
    r: int


@dataclass(frozen=True)
class Stm32L4:
    """`max_hz` and `wait_state_hz`, by how much the clock may grow for each wait state of the flash, are the part's."""

    DRIVER: ClassVar[str] = "stm32l4"

    hz: int
    pll: Pll
    apb1_divider: int
    apb2_divider: int
    max_hz: int
    wait_state_hz: int

    @property
    def fallback_hz(self) -> int:
        return MSI_HZ

    def bus_hz(self, bus: str) -> int:
        return self.hz // {"ahb": 1, "apb1": self.apb1_divider, "apb2": self.apb2_divider}[bus]

    def check(self) -> None:
        one_of("clock.apb1_divider", self.apb1_divider, APB_CODES, MANUAL)
        one_of("clock.apb2_divider", self.apb2_divider, APB_CODES, MANUAL)
        pll = self.pll
        within("clock.pll.m", pll.m, M[0], M[-1], MANUAL)
        within("clock.pll.n", pll.n, N[0], N[-1], MANUAL)
        one_of("clock.pll.r", pll.r, R_CODES, MANUAL)
        within("PLL input (16 MHz / clock.pll.m)", HSI_HZ / pll.m, *INPUT_HZ, MANUAL)
        vco = HSI_HZ * pll.n / pll.m
        within("VCO (16 MHz / clock.pll.m * clock.pll.n)", vco, *VCO_HZ, MANUAL)
        pll_gives(self.hz, vco / pll.r)
        within("clock.hz", self.hz, 0, self.max_hz, MANUAL)
        within("clock.wait_state_hz", self.wait_state_hz, 1, self.max_hz, MANUAL)

    def words(self) -> dict[str, int]:
        pll = self.pll
        return {
            "PLLCFGR": SOURCE_HSI | (pll.m - 1) << 4 | pll.n << 8 | R_ENABLE | R_CODES[pll.r] << 25,
            "CFGR": APB_CODES[self.apb1_divider] << 8 | APB_CODES[self.apb2_divider] << 11,
            "FLASH_ACR": (self.hz - 1) // self.wait_state_hz | ACCELERATOR,
            "BOOST": int(self.hz > BOOST_ABOVE_HZ),
        }
