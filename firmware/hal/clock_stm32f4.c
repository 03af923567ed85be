/* STM32F4 and F7: oscillator, PLL, voltage scale, over-drive, flash wait states, bus dividers. Twin of
 * boards/clocks/stm32f4.py, which computes the register words.
 *
 * Sequence of RM0390 5.1.4 (over-drive) and 3.4.1 (wait states before a faster clock). If anything does not report
 * ready, the core stays on the internal oscillator that it started from. In QEMU these registers read 0. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x40023800      /* RM0390 6.3.1 */
#define RCC_PLLCFGR 0x40023804 /* 6.3.2 */
#define RCC_CFGR 0x40023808    /* 6.3.3 */
#define RCC_APB1ENR 0x40023840 /* 6.3.13 */
#define PWR_CR 0x40007000      /* 5.4.1 */
#define PWR_CSR 0x40007004     /* 5.4.2 */
#define FLASH_ACR 0x40023C00   /* 3.8.1 */

#define CR_HSEON BIT(16)
#define CR_HSERDY BIT(17)
#define CR_HSEBYP BIT(18)
#define CR_PLLON BIT(24)
#define CR_PLLRDY BIT(25)
#define CFGR_SW_PLL UINT32_C(2)
#define CFGR_SWS (UINT32_C(3) << 2)
#define CFGR_SWS_PLL (UINT32_C(2) << 2)
#define APB1ENR_PWREN BIT(28)
#define PWR_CR_VOS (UINT32_C(3) << 14)
#define PWR_CR_ODEN BIT(16)
#define PWR_CR_ODSWEN BIT(17)
#define PWR_CSR_VOSRDY BIT(14)
#define PWR_CSR_ODRDY BIT(16)
#define PWR_CSR_ODSWRDY BIT(17)

static bool oscillator(void)
{
    if (!BOARD_CLOCK_HSE) {
        return true; /* the HSI runs since reset */
    }
    REGISTER(RCC_CR) |= BOARD_CLOCK_HSE_BYPASS ? CR_HSEBYP : 0;
    REGISTER(RCC_CR) |= CR_HSEON;
    return becomes(RCC_CR, CR_HSERDY, CR_HSERDY);
}

static bool over_drive(void)
{
    if (!BOARD_CLOCK_OVER_DRIVE) {
        return true;
    }
    REGISTER(PWR_CR) |= PWR_CR_ODEN;
    if (!becomes(PWR_CSR, PWR_CSR_ODRDY, PWR_CSR_ODRDY)) {
        return false;
    }
    REGISTER(PWR_CR) |= PWR_CR_ODSWEN;
    return becomes(PWR_CSR, PWR_CSR_ODSWRDY, PWR_CSR_ODSWRDY);
}

static bool pll(void)
{
    REGISTER(RCC_APB1ENR) |= APB1ENR_PWREN;
    REGISTER(PWR_CR) = (REGISTER(PWR_CR) & ~PWR_CR_VOS) | BOARD_CLOCK_VOS;
    REGISTER(RCC_PLLCFGR) = BOARD_CLOCK_PLLCFGR;
    REGISTER(RCC_CR) |= CR_PLLON;
    /* the regulator leaves scale 3 only while the PLL is on (5.1.3), and PLLRDY does not say that it has arrived */
    return becomes(RCC_CR, CR_PLLRDY, CR_PLLRDY) && becomes(PWR_CSR, PWR_CSR_VOSRDY, PWR_CSR_VOSRDY) && over_drive();
}

static bool core_from_pll(void)
{
    REGISTER(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR;
    if (!becomes(FLASH_ACR, BOARD_CLOCK_FLASH_ACR, BOARD_CLOCK_FLASH_ACR)) {
        return false;
    }
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR;
    REGISTER(RCC_CFGR) = BOARD_CLOCK_CFGR | CFGR_SW_PLL;
    return becomes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}

struct clock clock_start(void)
{
    if (oscillator() && pll() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(RCC_CFGR) = 0; /* core and buses from the HSI, undivided; more wait states than needed do no harm */
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
