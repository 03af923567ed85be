/* clock_stm32g0.c against a clock tree that answers late or never and checks the rules of RM0444 at every step.
 *
 * The flags (simulated_clock.h): pll, wait-states, switch. Prints hz, whether it is the fallback, and the number
 * of register accesses. What the manual asks for comes as macros: WAIT_STATES, M, N and R (factors of the PLL). */
#include "simulated_clock.h"

#include "../../hal/clock_stm32g0.c"

void before_access(uint32_t address)
{
    static uint32_t old_pllcfgr;
    static unsigned pll_waited;
    volatile uint32_t *cr = simulated(0x40021000), *cfgr = simulated(0x40021008), *pllcfgr = simulated(0x4002100C);
    volatile uint32_t *acr = simulated(0x40022000);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLLON, pll_ready = *cr & CR_PLLRDY;
    if (fails("wait-states")) {
        *acr &= ~UINT32_C(7);
    }
    require(*pllcfgr == old_pllcfgr || !pll_on, "PLLCFGR is written while the PLL is off (RCC_PLLCFGR)");
    require(*acr & BIT(18), "DBG_SWEN stays: a debugger may connect (FLASH_ACR)");
    if ((*cfgr & 7) == 2) {
        require(pll_ready, "the core is switched to a PLL that runs");
        require((*pllcfgr & 3) == 2 && (*pllcfgr & BIT(28)), "from the HSI16, by the output R");
        require((*pllcfgr >> 4 & 7) + 1 == M && (*pllcfgr >> 8 & 0x7F) == N && (*pllcfgr >> 29) + 1 == R, "factors");
        require((*acr & 7) == WAIT_STATES, "wait states before the clock that needs them");
        require((*acr >> 8 & 3) == 3, "prefetch and cache");
    }

    answer(pll_on, cr, CR_PLLRDY, "pll", &pll_waited);
    if (!fails("switch")) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & 7) << 3;
    }
    old_pllcfgr = *pllcfgr;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    *simulated(0x40022000) = 0x00040600; /* FLASH_ACR after reset */
    struct clock clock = clock_start();
    before_access(0);
    uint32_t cfgr = *simulated(0x40021008);
    require(clock.fallback ? cfgr == 0 : (cfgr & 7) == CFGR_SW_PLL, "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
