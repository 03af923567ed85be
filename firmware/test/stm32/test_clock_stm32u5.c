/* clock_stm32u5.c against a clock tree that answers late or never and checks the rules of RM0456 at every step.
 *
 * The flags (simulated_clock.h): voltage, range, hsi, pll, booster, wait-states, switch. Prints hz, whether it is the
 * fallback, and the number of register accesses. What the manual asks for comes as macros: WAIT_STATES, M, N and R
 * (factors of PLL1), RANGE (PLL1RGE). */
#include "simulated_clock.h"

#include "../../hal/clock_stm32u5.c"

void before_access(uint32_t address)
{
    static uint32_t old_configuration, old_factors;
    static unsigned voltage_waited, range_waited, hsi_waited, pll_waited, booster_waited;
    volatile uint32_t *cr = simulated(0x46020C00), *icscr1 = simulated(0x46020C08), *cfgr1 = simulated(0x46020C1C);
    volatile uint32_t *configuration = simulated(0x46020C28), *factors = simulated(0x46020C34);
    volatile uint32_t *ahb3enr = simulated(0x46020C94), *vosr = simulated(0x4602080C), *acr = simulated(0x40022000);
    volatile uint32_t *svmsr = simulated(0x4602083C);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLL1ON, booster = *vosr & VOSR_BOOSTEN, from_pll = (*cfgr1 & 3) == 3;
    if (fails("wait-states")) {
        *acr = 1;
    }
    bool changed = *configuration != old_configuration || *factors != old_factors;
    require(!changed || !pll_on, "PLL1 is set up while it is off");
    require(*configuration == old_configuration || !booster, "the booster's clock is set up while it is off");
    require(!pll_on || (*cr & CR_HSIRDY), "the PLL starts from an oscillator that runs");
    require((*vosr >> 16) == 0 || (*ahb3enr & BIT(2)), "PWR is written while it has a clock");
    bool range_1 = (*vosr >> 16 & 3) == 3 && (*vosr & VOSR_VOSRDY) && (*svmsr >> 15 & 7) == 7;
    require(!booster || range_1, "the booster in voltage range 1, once it is there");
    require(!booster || (*configuration & 3) == 2, "the booster once it has a clock");
    require((*icscr1 >> 28) != 2 || (*acr & 0xF) >= 1, "a wait state before 16 MHz in voltage range 4");
    if (from_pll) {
        require(*cr & CR_PLL1RDY, "the core is switched to a PLL that runs");
        require(*vosr & VOSR_BOOSTRDY, "more than 55 MHz only with the booster");
        require((*configuration >> 12 & 0xF) == 0 && (*configuration & BIT(18)), "16 MHz to the booster, output R");
        require((*configuration >> 8 & 0xF) + 1 == M && (*factors & 0x1FF) + 1 == N && (*factors >> 24) + 1 == R, "factors");
        require((*configuration >> 2 & 3) == RANGE, "range of the PLL's input");
        require((*acr & 0xF) == WAIT_STATES, "wait states before the clock that needs them");
    }

    answer((*vosr >> 16 & 3) == 3, vosr, VOSR_VOSRDY, "voltage", &voltage_waited);
    answer((*vosr >> 16 & 3) == 3, svmsr, UINT32_C(7) << 15, "range", &range_waited);
    answer(*cr & CR_HSION, cr, CR_HSIRDY, "hsi", &hsi_waited);
    answer(pll_on, cr, CR_PLL1RDY, "pll", &pll_waited);
    answer(booster && pll_on, vosr, VOSR_BOOSTRDY, "booster", &booster_waited);
    if (!fails("switch")) {
        *cfgr1 = (*cfgr1 & ~CFGR1_SWS) | (*cfgr1 & 3) << 2;
    }
    old_configuration = *configuration;
    old_factors = *factors;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    *simulated(0x46020C00) = 0x35;       /* RCC_CR after reset: MSIS and MSIK on and ready */
    *simulated(0x46020C08) = 0x44000000; /* RCC_ICSCR1 after reset, without the calibration: 4 MHz both */
    *simulated(0x40022000) = 1;          /* FLASH_ACR after reset */
    struct clock clock = clock_start();
    before_access(0);
    uint32_t source = *simulated(0x46020C1C) & 3, icscr1 = *simulated(0x46020C08);
    require((icscr1 >> 28) == 2 && (icscr1 & BIT(23)) && (icscr1 >> 24 & 0xF) == 4, "the MSIS at 16 MHz, the MSIK as it was");
    require(*simulated(0x40030400) & 1, "the instruction cache");
    require(source == (clock.fallback ? 0 : CFGR1_SW_PLL1), "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
