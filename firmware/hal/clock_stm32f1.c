/* STM32F1: oscillator, PLL, bus dividers, and flash wait states where the chip has them. Twin of
 * boards/clocks/stm32f1.py, which computes the register words. Sections are of RM0041, the manual of the F100.
 *
 * If anything does not report ready, the core stays on the internal oscillator that it started from. In QEMU these
 * registers read 0. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x40021000    /* 6.3.1 */
#define RCC_CFGR 0x40021004  /* 6.3.2 */
#define FLASH_ACR 0x40022000 /* RM0008 3.3.3 */

#define CR_HSEON BIT(16)
#define CR_HSERDY BIT(17)
#define CR_HSEBYP BIT(18)
#define CR_PLLON BIT(24)
#define CR_PLLRDY BIT(25)
#define CFGR_SW_PLL UINT32_C(2)
#define CFGR_SWS (UINT32_C(3) << 2)
#define CFGR_SWS_PLL (UINT32_C(2) << 2)

static bool oscillator(void)
{
    if (!BOARD_CLOCK_HSE) {
        return true; /* the HSI runs since reset */
    }
    REGISTER(RCC_CR) |= BOARD_CLOCK_HSE_BYPASS ? CR_HSEBYP : 0;
    REGISTER(RCC_CR) |= CR_HSEON;
    return becomes(RCC_CR, CR_HSERDY, CR_HSERDY);
}

static bool pll(void)
{
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR; /* factor and source, which the PLL takes while it is off */
    REGISTER(RCC_CR) |= CR_PLLON;
    return becomes(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

static bool wait_states(void)
{
    if (BOARD_CLOCK_FLASH_ACR == 0) {
        return true; /* none: the F100 does not even have the field */
    }
    REGISTER(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR;
    return becomes(FLASH_ACR, BOARD_CLOCK_FLASH_ACR, BOARD_CLOCK_FLASH_ACR);
}

static bool core_from_pll(void)
{
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | CFGR_SW_PLL;
    return becomes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}

struct clock clock_start(void)
{
    if (oscillator() && pll() && wait_states() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(RCC_CFGR) = 0; /* core and buses from the HSI, undivided */
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
