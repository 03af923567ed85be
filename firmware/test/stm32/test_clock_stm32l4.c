/* clock_stm32l4.c against a clock tree that answers late or never and checks the rules of RM0351 and RM0432 at every
 * step.
 *
 * The flags (simulated_clock.h): hsi, pll, wait-states, switch. Prints hz, whether it is the fallback, and the number
 * of register accesses. What the board's manual asks for comes as macros: WAIT_STATES, M, N and R (factors of the PLL),
 * BOOST (0 or 1). The driver is included, so that it sees the simulated registers of this file. */
#include "simulated_clock.h"

#include "../../hal/clock_stm32l4.c"

/* Register reads that take at least 1 us at half of 120 MHz, where one takes two cycles or more. */
enum { SETTLE = 30 };

void before_access(uint32_t address)
{
    static uint32_t old_pllcfgr;
    static unsigned hsi_waited, pll_waited, switched;
    volatile uint32_t *cr = simulated(0x40021000), *cfgr = simulated(0x40021008), *pllcfgr = simulated(0x4002100C);
    volatile uint32_t *apb1enr1 = simulated(0x40021058), *cr5 = simulated(0x40007080), *acr = simulated(0x40022000);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLLON, pll_ready = *cr & CR_PLLRDY, from_pll = (*cfgr & 3) == 3;
    bool divided = *cfgr >> 4 & 8, boosted = !(*cr5 & BIT(8));
    if (fails("wait-states")) {
        *acr &= ~UINT32_C(0xF);
    }
    require(*pllcfgr == old_pllcfgr || !pll_on, "PLLCFGR is written while the PLL is off (RCC_PLLCFGR)");
    require(!pll_on || (*cr & CR_HSIRDY), "the PLL starts from an oscillator that runs");
    require(!pll_on || boosted == BOOST, "boost mode before a PLL whose output needs it, and only then");
    require(!boosted || (*apb1enr1 & BIT(28)), "PWR is written while it has a clock");
    if (from_pll) {
        require(pll_ready, "the core is switched to a PLL that runs");
        require((*pllcfgr & 3) == 2 && (*pllcfgr & BIT(24)), "from the HSI16, by the output R");
        require((*pllcfgr >> 4 & 0xF) + 1 == M && (*pllcfgr >> 8 & 0x7F) == N && ((*pllcfgr >> 25 & 3) + 1) * 2 == R, "factors");
        require((*acr & 0xF) == WAIT_STATES, "wait states before the clock that needs them");
        switched++;
        require(!BOOST || divided || switched > SETTLE, "above 80 MHz through half of it, for 1 us");
    }
    require((*cr >> 4 & 0xF) == 6 || (*cr & CR_MSIRGSEL), "the range of RCC_CR is the one that counts");

    answer(*cr & CR_HSION, cr, CR_HSIRDY, "hsi", &hsi_waited);
    answer(pll_on, cr, CR_PLLRDY, "pll", &pll_waited);
    if (!fails("switch")) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & 3) << 2;
    }
    old_pllcfgr = *pllcfgr;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    *simulated(0x40021000) = 0x63; /* after reset: the MSI on and ready, range 6, 4 MHz */
    *simulated(0x40007080) = BIT(8);
    struct clock clock = clock_start();
    before_access(0);
    uint32_t cfgr = *simulated(0x40021008);
    require((*simulated(0x40021000) >> 4 & 0xF) == 8, "the MSI at 16 MHz");
    require((cfgr >> 4 & 0xF) == 0, "AHB undivided in the end");
    require(clock.fallback ? cfgr == 0 : (cfgr & 3) == CFGR_SW_PLL, "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
