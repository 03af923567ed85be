/* clock_stm32h7.c against a clock tree that answers late or never and checks the rules of RM0433 at every step.
 *
 * The flags (simulated_clock.h): supply, voltage, scale, hse, pll, wait-states, switch. Prints hz, whether it is the
 * fallback, and the number of register accesses. What the manual asks for comes as macros: ACR (wait states and
 * WRHIGHFREQ), M, N and P (factors of PLL1), RANGE (PLL1RGE), HPRE and PPRE (codes of the AHB and all APB dividers). */
#include "simulated_clock.h"

#include "../../hal/clock_stm32h7.c"

void before_access(uint32_t address)
{
    static uint32_t old_selection, old_configuration, old_factors;
    static unsigned supply_waited, voltage_waited, scale_waited, hse_waited, pll_waited;
    volatile uint32_t *cr = simulated(0x58024400), *cfgr = simulated(0x58024410), *d1 = simulated(0x58024418);
    volatile uint32_t *d2 = simulated(0x5802441C), *d3 = simulated(0x58024420), *selection = simulated(0x58024428);
    volatile uint32_t *configuration = simulated(0x5802442C), *factors = simulated(0x58024430);
    volatile uint32_t *csr1 = simulated(0x58024804), *cr3 = simulated(0x5802480C), *d3cr = simulated(0x58024818);
    volatile uint32_t *acr = simulated(0x52002000);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLL1ON, scale_1 = (*d3cr >> 14 & 3) == 3;
    if (fails("wait-states")) {
        *acr = 0x37;
    }
    require((*cr3 & 7) == 6 || (*cr3 & 7) == 2, "the LDO and nothing else is the supply, from reset on or as chosen");
    require(!scale_1 || ((*cr3 & 7) == 2 && (*csr1 & BIT(13))), "a voltage scale once the supply is chosen and there");
    bool changed = *selection != old_selection || *configuration != old_configuration || *factors != old_factors;
    require(!changed || !pll_on, "the PLL is set up while it is off");
    require(!pll_on || (*selection & 3) != 2 || (*cr & CR_HSERDY), "the PLL starts from an oscillator that runs");
    require((*selection & ~UINT32_C(0x3F3)) == 0x02020000, "the dividers of PLL2 and PLL3 stay");
    if ((*cfgr & 7) == 3) {
        require(*cr & CR_PLL1RDY, "the core is switched to a PLL that runs");
        require(scale_1 && (*d3cr & BIT(13)) && (*csr1 >> 14 & 3) == 3, "400 MHz only at scale 1");
        require((*selection >> 4 & 0x3F) == M && (*factors & 0x1FF) + 1 == N && (*factors >> 9 & 0x7F) + 1 == P, "factors");
        require((*configuration >> 16 & 7) == 1 && (*configuration & 0xF) == RANGE << 2, "output P alone, wide VCO, range");
        require(*acr == ACR, "wait states before the clock that needs them");
        require((*d1 & 0xF) == HPRE && (*d1 >> 8) == 0, "AXI and AHB divided, the core not");
        require((*d1 >> 4 & 7) == PPRE && (*d2 >> 4 & 7) == PPRE && (*d2 >> 8 & 7) == PPRE && (*d3 >> 4 & 7) == PPRE, "APB");
    }

    answer((*cr3 & 7) == 2, csr1, BIT(13), "supply", &supply_waited);
    answer(scale_1, d3cr, BIT(13), "voltage", &voltage_waited);
    answer(scale_1, csr1, UINT32_C(3) << 14, "scale", &scale_waited);
    answer(*cr & CR_HSEON, cr, CR_HSERDY, "hse", &hse_waited);
    answer(pll_on, cr, CR_PLL1RDY, "pll", &pll_waited);
    if (!fails("switch")) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & 7) << 3;
    }
    old_selection = *selection;
    old_configuration = *configuration;
    old_factors = *factors;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    *simulated(0x5802480C) = 6;          /* PWR_CR3 after power-on: LDOEN, SCUEN */
    *simulated(0x58024818) = 0x4000;     /* PWR_D3CR after reset: scale 3 */
    *simulated(0x58024428) = 0x02020200; /* RCC_PLLCKSELR after reset */
    *simulated(0x5802442C) = 0x01FF0000; /* RCC_PLLCFGR after reset: all outputs of all PLLs */
    *simulated(0x52002000) = 0x37;       /* FLASH_ACR after reset */
    struct clock clock = clock_start();
    before_access(0);
    uint32_t source = *simulated(0x58024410) & 7;
    uint32_t dividers = *simulated(0x58024418) | *simulated(0x5802441C) | *simulated(0x58024420);
    require(clock.fallback ? source == 0 && dividers == 0 : source == CFGR_SW_PLL1, "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
