/* clock_stm32f1.c against a clock tree that answers late or never and checks the rules of RM0041 and RM0008 at every
 * step.
 *
 * The flags (simulated_clock.h): hse, pll, switch. Prints hz, whether it is the fallback, and the number of
 * register accesses. What the board's manual asks for comes as macros: MULTIPLIER, PPRE1 and PPRE2 (codes of the bus
 * dividers), ACR (what FLASH_ACR must hold). */
#include "simulated_clock.h"

#include "../../hal/clock_stm32f1.c"

void before_access(uint32_t address)
{
    static uint32_t old_factors;
    static unsigned hse_waited, pll_waited;
    volatile uint32_t *cr = simulated(0x40021000), *cfgr = simulated(0x40021004), *acr = simulated(0x40022000);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLLON, pll_ready = *cr & CR_PLLRDY, hse_ready = *cr & CR_HSERDY;
    uint32_t factors = *cfgr & 0x003F0000;
    require(factors == old_factors || !pll_on || !(*cfgr & 3), "PLLSRC and PLLMUL are written while the PLL is off (6.3.2)");
    require(!pll_on || !(*cfgr & BIT(16)) || hse_ready, "the PLL starts from an oscillator that runs (6.2.3)");
    if ((*cfgr & 3) == CFGR_SW_PLL) {
        require(pll_ready, "the core is switched to a PLL that runs (6.2.6)");
        require((*cfgr >> 18 & 0xF) + 2 == MULTIPLIER, "the factor (6.3.2)");
        require((*cfgr >> 8 & 7) == PPRE1 && (*cfgr >> 11 & 7) == PPRE2, "bus dividers before the clock (6.3.2)");
        require(*acr == ACR, "wait states before the clock that needs them, and none in a chip without (RM0008 3.3.3)");
    }

    answer(*cr & CR_HSEON, cr, CR_HSERDY, "hse", &hse_waited);
    answer(pll_on, cr, CR_PLLRDY, "pll", &pll_waited);
    if (!fails("switch")) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & 3) << 2;
    }
    old_factors = factors;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    struct clock clock = clock_start();
    before_access(0);
    uint32_t cfgr = *simulated(0x40021004);
    require(clock.fallback ? cfgr == 0 : (cfgr & 3) == CFGR_SW_PLL, "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
