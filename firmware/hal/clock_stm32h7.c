/* STM32H742, H743, H750 and H753: supply, voltage scale 1, oscillator, PLL1, flash wait states, bus dividers. Twin of
 * boards/clocks/stm32h7.py, which computes the register words. Registers as in RM0433, chapters
 * 4 (flash), 6 (PWR) and 8 (RCC). Never run on hardware.
 *
 * If anything does not report ready, the core stays on the internal oscillator that it started from. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RCC_CR 0x58024400
#define RCC_CFGR 0x58024410
#define RCC_D1CFGR 0x58024418
#define RCC_D2CFGR 0x5802441C
#define RCC_D3CFGR 0x58024420
#define RCC_PLLCKSELR 0x58024428
#define RCC_PLLCFGR 0x5802442C
#define RCC_PLL1DIVR 0x58024430
#define PWR_CSR1 0x58024804
#define PWR_CR3 0x5802480C
#define PWR_D3CR 0x58024818
#define FLASH_ACR 0x52002000

#define CR_HSEON BIT(16)
#define CR_HSERDY BIT(17)
#define CR_HSEBYP BIT(18)
#define CR_PLL1ON BIT(24)
#define CR_PLL1RDY BIT(25)
#define CFGR_SW UINT32_C(7)
#define CFGR_SW_PLL1 UINT32_C(3)
#define CFGR_SWS (UINT32_C(7) << 3)
#define CFGR_SWS_PLL1 (UINT32_C(3) << 3)
#define CKSELR_SOURCE_AND_M1 UINT32_C(0x3F3)
#define CFGR_PLL1 (UINT32_C(7) << 16 | UINT32_C(0xF)) /* DIVP1EN, DIVQ1EN, DIVR1EN; PLL1RGE, PLL1VCOSEL, PLL1FRACEN */
#define CR3_BYPASS BIT(0)
#define CR3_LDOEN BIT(1)
#define CR3_SCUEN BIT(2)
#define CSR1_ACTVOSRDY BIT(13)
#define CSR1_SCALE_1 (CSR1_ACTVOSRDY | UINT32_C(3) << 14) /* ACTVOS: the scale that is there */
#define D3CR_VOSRDY BIT(13)
#define D3CR_VOS_SCALE_1 (UINT32_C(3) << 14)

static void set(uint32_t address, uint32_t mask, uint32_t value)
{
    REGISTER(address) = (REGISTER(address) & ~mask) | value;
}

/* Chapter 6, system supply startup: the supply is chosen once after power came on, before the voltage scale may be;
 * later writes do nothing. */
static bool voltage(void)
{
    set(PWR_CR3, CR3_SCUEN | CR3_BYPASS, CR3_LDOEN);
    if (!becomes(PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY)) {
        return false;
    }
    REGISTER(PWR_D3CR) |= D3CR_VOS_SCALE_1;
    return becomes(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY) && becomes(PWR_CSR1, CSR1_SCALE_1, CSR1_SCALE_1);
}

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
    set(RCC_PLLCKSELR, CKSELR_SOURCE_AND_M1, BOARD_CLOCK_PLLCKSELR);
    set(RCC_PLLCFGR, CFGR_PLL1, BOARD_CLOCK_PLLCFGR);
    REGISTER(RCC_PLL1DIVR) = BOARD_CLOCK_PLL1DIVR;
    REGISTER(RCC_CR) |= CR_PLL1ON;
    return becomes(RCC_CR, CR_PLL1RDY, CR_PLL1RDY);
}

static bool core_from_pll(void)
{
    REGISTER(FLASH_ACR) = BOARD_CLOCK_FLASH_ACR;
    if (!becomes(FLASH_ACR, UINT32_MAX, BOARD_CLOCK_FLASH_ACR)) {
        return false;
    }
    REGISTER(RCC_D1CFGR) = BOARD_CLOCK_D1CFGR;
    REGISTER(RCC_D2CFGR) = BOARD_CLOCK_D2CFGR;
    REGISTER(RCC_D3CFGR) = BOARD_CLOCK_D3CFGR;
    set(RCC_CFGR, CFGR_SW, CFGR_SW_PLL1);
    return becomes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL1);
}

struct clock clock_start(void)
{
    if (voltage() && oscillator() && pll() && core_from_pll()) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    set(RCC_CFGR, CFGR_SW, 0); /* core and buses from the HSI, undivided; more wait states than needed do no harm */
    REGISTER(RCC_D1CFGR) = 0;
    REGISTER(RCC_D2CFGR) = 0;
    REGISTER(RCC_D3CFGR) = 0;
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
