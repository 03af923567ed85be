/* STM32U5 with TrustZone off, as delivered: MSIS to 16 MHz, then voltage range 1, HSI16, booster, PLL1, flash wait
 * states, bus dividers, instruction cache. Twin of boards/clocks/stm32u5.py, which computes the register words.
 * Registers as in RM0456, chapters 7 (flash), 8 (ICACHE), 10 (PWR) and 11 (RCC). Never run on hardware.
 *
 * If anything does not report ready, the core stays on the MSIS that it started from. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x46020C00
#define RCC_ICSCR1 0x46020C08
#define RCC_CFGR1 0x46020C1C
#define RCC_CFGR2 0x46020C20
#define RCC_PLL1CFGR 0x46020C28
#define RCC_PLL1DIVR 0x46020C34
#define RCC_AHB3ENR 0x46020C94
#define PWR_VOSR 0x4602080C
#define PWR_SVMSR 0x4602083C
#define FLASH_ACR 0x40022000
#define ICACHE_CR 0x40030400

#define CR_MSISRDY BIT(2)
#define CR_HSION BIT(8)
#define CR_HSIRDY BIT(10)
#define CR_PLL1ON BIT(24)
#define CR_PLL1RDY BIT(25)
#define ICSCR1_MSIRGSEL BIT(23)
#define ICSCR1_MSISRANGE (UINT32_C(0xF) << 28)
#define ICSCR1_MSISRANGE_16_MHZ (UINT32_C(2) << 28)
#define CFGR1_SW UINT32_C(3)
#define CFGR1_SW_PLL1 UINT32_C(3)
#define CFGR1_SWS (UINT32_C(3) << 2)
#define CFGR1_SWS_PLL1 (UINT32_C(3) << 2)
#define AHB3ENR_PWREN BIT(2)
#define VOSR_BOOSTRDY BIT(14)
#define VOSR_VOSRDY BIT(15)
#define VOSR_VOS_RANGE_1 (UINT32_C(3) << 16)
#define VOSR_BOOSTEN BIT(18)
#define SVMSR_RANGE_1 (BIT(15) | UINT32_C(3) << 16) /* ACTVOSRDY, ACTVOS: the range that is there */
#define ACR_LATENCY UINT32_C(0xF)
#define ACR_LATENCY_1 UINT32_C(1)
#define ICACHE_CR_EN BIT(0)

/* The range may change while the MSIS is ready, which it is: the core runs from it (RCC_ICSCR1, MSISRANGE).
 * One wait state, which is also that of reset, serves up to 16 MHz in voltage range 4 (chapter 7, wait states). */
static bool msis(void)
{
    REGISTER(FLASH_ACR) |= ACR_LATENCY_1;
    REGISTER(RCC_ICSCR1) = (REGISTER(RCC_ICSCR1) & ~ICSCR1_MSISRANGE) | ICSCR1_MSISRANGE_16_MHZ | ICSCR1_MSIRGSEL;
    return becomes(RCC_CR, CR_MSISRDY, CR_MSISRDY);
}

static bool voltage(void)
{
    REGISTER(RCC_AHB3ENR) |= AHB3ENR_PWREN;
    REGISTER(PWR_VOSR) |= VOSR_VOS_RANGE_1;
    return becomes(PWR_VOSR, VOSR_VOSRDY, VOSR_VOSRDY) && becomes(PWR_SVMSR, SVMSR_RANGE_1, SVMSR_RANGE_1);
}

static bool pll(void)
{
    REGISTER(RCC_CR) |= CR_HSION;
    if (!becomes(RCC_CR, CR_HSIRDY, CR_HSIRDY)) {
        return false;
    }
    REGISTER(RCC_PLL1CFGR) = BOARD_CLOCK_PLL1CFGR; /* also the clock of the booster, without which it is never ready */
    REGISTER(RCC_PLL1DIVR) = BOARD_CLOCK_PLL1DIVR;
    REGISTER(PWR_VOSR) |= VOSR_BOOSTEN;
    REGISTER(RCC_CR) |= CR_PLL1ON;
    return becomes(RCC_CR, CR_PLL1RDY, CR_PLL1RDY) && becomes(PWR_VOSR, VOSR_BOOSTRDY, VOSR_BOOSTRDY);
}

static bool core_from_pll(void)
{
    REGISTER(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR;
    if (!becomes(FLASH_ACR, ACR_LATENCY, BOARD_CLOCK_FLASH_ACR & ACR_LATENCY)) {
        return false;
    }
    REGISTER(RCC_CFGR2) = BOARD_CLOCK_CFGR2;
    REGISTER(RCC_CFGR1) = (REGISTER(RCC_CFGR1) & ~CFGR1_SW) | CFGR1_SW_PLL1;
    return becomes(RCC_CFGR1, CFGR1_SWS, CFGR1_SWS_PLL1);
}

struct clock clock_start(void)
{
    REGISTER(ICACHE_CR) |= ICACHE_CR_EN; /* it empties itself at reset (chapter 8) */
    if (msis() && voltage() && pll() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(RCC_CFGR1) &= ~CFGR1_SW; /* core and buses from the MSIS, undivided; more wait states than needed do no harm */
    REGISTER(RCC_CFGR2) = 0;
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
