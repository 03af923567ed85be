/* STM32G0: PLL from the HSI16 that the core starts from, flash wait states, bus divider. Twin of
 * boards/clocks/stm32g0.py, which computes the register words. Registers as in RM0444, chapters 3 (flash) and 5 (RCC).
 * Never run on hardware. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x40021000
#define RCC_CFGR 0x40021008
#define RCC_PLLCFGR 0x4002100C
#define FLASH_ACR 0x40022000

#define CR_PLLON BIT(24)
#define CR_PLLRDY BIT(25)
#define CFGR_SW_PLL UINT32_C(2)
#define CFGR_SWS (UINT32_C(7) << 3)
#define CFGR_SWS_PLL (UINT32_C(2) << 3)
#define ACR_LATENCY UINT32_C(7)

static bool pll(void)
{
    REGISTER(RCC_PLLCFGR) = BOARD_CLOCK_PLLCFGR;
    REGISTER(RCC_CR) |= CR_PLLON;
    return becomes(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

static bool core_from_pll(void)
{
    /* the rest of the register, such as whether a debugger may connect, stays */
    REGISTER(FLASH_ACR) = (REGISTER(FLASH_ACR) & ~ACR_LATENCY) | BOARD_CLOCK_FLASH_ACR;
    if (!becomes(FLASH_ACR, ACR_LATENCY, BOARD_CLOCK_FLASH_ACR & ACR_LATENCY)) {
        return false;
    }
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR;
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | CFGR_SW_PLL;
    return becomes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}

struct clock clock_start(void)
{
    if (pll() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(RCC_CFGR) = 0; /* core and buses from the HSI16, undivided; more wait states than needed do no harm */
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
