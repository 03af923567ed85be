/* STM32L4 and L4+: MSI to 16 MHz, then HSI16, boost mode, PLL, flash wait states, bus dividers. Twin of
 * boards/clocks/stm32l4.py, which computes the register words. Never run on hardware.
 *
 * Registers as in RM0351 (L4) and RM0432 (L4+), chapters 3 (flash), 5 (PWR) and 6 (RCC). The chip is in voltage range 1
 * from reset. If anything does not report ready, the core stays on the MSI that it started from. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x40021000
#define RCC_CFGR 0x40021008
#define RCC_PLLCFGR 0x4002100C
#define RCC_APB1ENR1 0x40021058
#define PWR_CR5 0x40007080
#define FLASH_ACR 0x40022000

#define CR_MSIRDY BIT(1)
#define CR_MSIRGSEL BIT(3)
#define CR_MSIRANGE (UINT32_C(0xF) << 4)
#define CR_MSIRANGE_16_MHZ (UINT32_C(8) << 4)
#define CR_HSION BIT(8)
#define CR_HSIRDY BIT(10)
#define CR_PLLON BIT(24)
#define CR_PLLRDY BIT(25)
#define CFGR_SW_PLL UINT32_C(3)
#define CFGR_SWS (UINT32_C(3) << 2)
#define CFGR_SWS_PLL (UINT32_C(3) << 2)
#define CFGR_HPRE_2 (UINT32_C(8) << 4)
#define APB1ENR1_PWREN BIT(28)
#define CR5_R1MODE BIT(8) /* set: no boost */
#define ACR_LATENCY UINT32_C(0xF)

/* At least 1 us at half of 120 MHz (RM0432 chapter 5): a read of a register takes more than one cycle. */
#define BOOST_SETTLE_READS 64u

/* The range may change while the MSI is ready, which it is: the core runs from it (RCC_CR, MSIRANGE). */
static bool msi(void)
{
    REGISTER(RCC_CR) = (REGISTER(RCC_CR) & ~CR_MSIRANGE) | CR_MSIRANGE_16_MHZ | CR_MSIRGSEL;
    return becomes(RCC_CR, CR_MSIRDY, CR_MSIRDY);
}

static bool pll(void)
{
    REGISTER(RCC_CR) |= CR_HSION;
    if (!becomes(RCC_CR, CR_HSIRDY, CR_HSIRDY)) {
        return false;
    }
    if (BOARD_CLOCK_BOOST) { /* before the PLL runs at more than range 1 without boost allows its output (RM0432 chapter 5) */
        REGISTER(RCC_APB1ENR1) |= APB1ENR1_PWREN;
        REGISTER(PWR_CR5) &= ~CR5_R1MODE;
    }
    REGISTER(RCC_PLLCFGR) = BOARD_CLOCK_PLLCFGR;
    REGISTER(RCC_CR) |= CR_PLLON;
    return becomes(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

/* RM0432 chapter 5, dynamic voltage scaling, with boost: AHB divided by 2 before, undivided 1 us after the switch. */
static bool core_from_pll(void)
{
    uint32_t divided = BOARD_CLOCK_BOOST ? CFGR_HPRE_2 : 0;
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | divided;
    REGISTER(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR;
    if (!becomes(FLASH_ACR, ACR_LATENCY, BOARD_CLOCK_FLASH_ACR & ACR_LATENCY)) {
        return false;
    }
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | divided | CFGR_SW_PLL;
    if (!becomes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL)) {
        return false;
    }
    if (BOARD_CLOCK_BOOST) {
        for (uint32_t reads = BOOST_SETTLE_READS; reads > 0; reads--) {
            (void)REGISTER(RCC_CFGR);
        }
        REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | CFGR_SW_PLL;
    }
    return true;
}

struct clock clock_start(void)
{
    if (msi() && pll() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(RCC_CFGR) = 0; /* core and buses from the MSI, undivided; more wait states than needed do no harm */
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
