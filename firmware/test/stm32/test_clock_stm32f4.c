/* clock_stm32f4.c against a clock tree that answers late or never and checks the rules of RM0390 at every step.
 *
 * The flags (simulated_clock.h): hse, pll, voltage, over-drive, over-drive-switch, wait-states, switch. Prints hz,
 * whether it is the fallback, and the number of register accesses. The board's board.h is on the include path; what its
 * manual asks for comes as macros: VOS (the code of the voltage scale), OVER_DRIVE (0 or 1), WAIT_STATES, PPRE1 and
 * PPRE2 (codes of the bus dividers). The driver is included, so that it sees the simulated registers of this file. */
#include "simulated_clock.h"

#include "../../hal/clock_stm32f4.c"

void before_access(uint32_t address)
{
    static uint32_t old_pllcfgr, old_vos;
    static unsigned hse_waited, pll_waited, voltage_waited, over_drive_waited, switch_waited;
    volatile uint32_t *cr = simulated(0x40023800), *pllcfgr = simulated(0x40023804), *cfgr = simulated(0x40023808);
    volatile uint32_t *apb1enr = simulated(0x40023840), *acr = simulated(0x40023C00);
    volatile uint32_t *pwr_cr = simulated(0x40007000), *pwr_csr = simulated(0x40007004);
    (void)address;
    accesses++;

    bool pll_on = *cr & CR_PLLON, pll_ready = *cr & CR_PLLRDY, hse_ready = *cr & CR_HSERDY;
    bool over_drive_ready = *pwr_csr & PWR_CSR_ODRDY, switch_ready = *pwr_csr & PWR_CSR_ODSWRDY;
    uint32_t vos = *pwr_cr & PWR_CR_VOS;
    if (fails("wait-states")) {
        *acr &= ~UINT32_C(0xF);
    }

    require(*pllcfgr == old_pllcfgr || !pll_ready, "PLLCFGR is written while the PLL is off (6.3.2)");
    require(!pll_on || !(*pllcfgr & BIT(22)) || hse_ready, "the PLL starts from an oscillator that runs (6.3.2)");
    require(vos == old_vos || !pll_ready, "VOS is written while the PLL is off (5.4.1)");
    require(vos == old_vos || (*apb1enr & BIT(28)), "PWR is written while it has a clock (6.3.13)");
    if (*pwr_cr & PWR_CR_ODEN) {
        require(vos >> 14 == VOS && pll_on, "over-drive at voltage scale 1, with the PLL on (5.1.4)");
    }
    require(!(*pwr_cr & PWR_CR_ODSWEN) || over_drive_ready, "the switch to over-drive once it is ready (5.1.4)");
    if ((*cfgr & 3) == CFGR_SW_PLL) {
        require(pll_ready, "the core is switched to a PLL that runs (6.3.3)");
        require(vos >> 14 == VOS, "the voltage scale before the clock it allows (5.1.3)");
        require(*pwr_csr & PWR_CSR_VOSRDY, "the voltage has reached its scale before the clock (5.4.2)");
        require(switch_ready == OVER_DRIVE, "more than 168 MHz only with over-drive (5.1.3)");
        require((*acr & 0xF) == WAIT_STATES, "wait states before the clock that needs them (3.4.1)");
        require((*cfgr >> 10 & 7) == PPRE1 && (*cfgr >> 13 & 7) == PPRE2, "bus dividers before the clock (6.3.3)");
    }

    answer(*cr & CR_HSEON, cr, CR_HSERDY, "hse", &hse_waited);
    answer(pll_on, cr, CR_PLLRDY, "pll", &pll_waited);
    answer(pll_on, pwr_csr, PWR_CSR_VOSRDY, "voltage", &voltage_waited); /* scale 3 while the PLL is off (5.1.3) */
    answer(*pwr_cr & PWR_CR_ODEN, pwr_csr, PWR_CSR_ODRDY, "over-drive", &over_drive_waited);
    answer(*pwr_cr & PWR_CR_ODSWEN, pwr_csr, PWR_CSR_ODSWRDY, "over-drive-switch", &switch_waited);
    if (!fails("switch")) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & 3) << 2;
    }
    old_pllcfgr = *pllcfgr;
    old_vos = vos;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    struct clock clock = clock_start();
    before_access(0);
    uint32_t source = *simulated(0x40023808) & 3, dividers = *simulated(0x40023808) >> 10;
    require(clock.fallback ? source == 0 && dividers == 0 : source == CFGR_SW_PLL, "the core runs from what it says");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
