/* clock_rp2040.c against clocks that answer late or never and check the rules of the RP2040 data sheet at every step.
 *
 * Arguments: the flag that never comes (none, crystal, reference, pll-reset, lock, core, resets), the one that comes
 * late, and "again" if the core runs from the PLL at the start, as after a restart by software. Prints hz, whether it
 * is the fallback, and the number of register accesses. */
#include "../stm32/simulated_clock.h"

#include "../../hal/clock_rp2040.c"

#define ALL_RESETS UINT32_C(0x01FFFFFF)

void before_access(uint32_t address)
{
    static unsigned crystal_waited, reference_waited, pll_waited, lock_waited, core_waited, resets_waited;
    static uint32_t old_feedback;
    volatile uint32_t *reset = simulated(RESETS_RESET), *done = simulated(RESETS_DONE);
    volatile uint32_t *sys = simulated(CLOCKS_SYS_CTRL), *sys_selected = simulated(CLOCKS_SYS_SELECTED);
    volatile uint32_t *ref = simulated(CLOCKS_REF_CTRL), *ref_selected = simulated(CLOCKS_REF_SELECTED);
    volatile uint32_t *xosc = simulated(XOSC_CTRL), *stable = simulated(XOSC_STATUS);
    volatile uint32_t *cs = simulated(PLL_CS), *power = simulated(PLL_PWR), *feedback = simulated(PLL_FBDIV_INT);
    (void)address;
    accesses++;

    bool from_pll = *sys_selected & BIT(1), pll_held = *reset & RESET_PLL_SYS;
    if (pll_held) {
        require(!from_pll, "the core is off the PLL before that is reset (2.15.3.2)");
        *cs &= ~PLL_LOCK;
        *power = 0x2D; /* 2.18.4 */
    }
    require(*feedback == old_feedback || !from_pll, "the PLL is set up while nothing runs from it (2.18.3)");
    if (*sys & SYS_AUX && !pll_held && accesses > 10) {
        require(*cs & PLL_LOCK && !(*power & PWR_POSTDIVPD), "the core is switched to a PLL that has locked, dividers on (2.18.3)");
        require(*simulated(PLL_PRIM) == 0x62000 && *feedback == 125, "1500 MHz over 6 and 2");
        require(*ref_selected & BIT(REF_XOSC), "the PLL's reference is the crystal");
    }

    answer(*xosc == XOSC_ON, stable, XOSC_STABLE, "crystal", &crystal_waited);
    answer((*ref & REF_SOURCE) == REF_XOSC && *stable & XOSC_STABLE, ref_selected, BIT(REF_XOSC), "reference", &reference_waited);
    answer(!pll_held, done, RESET_PLL_SYS, "pll-reset", &pll_waited);
    answer(!(*reset & BOARD_CLOCK_RESETS) && *simulated(CLOCKS_PERI_CTRL) & PERI_ENABLE, done, BOARD_CLOCK_RESETS, "resets", &resets_waited);
    answer(!pll_held && *cs == (*cs & PLL_LOCK) + 1 && !(*power & (BIT(0) | BIT(5))), cs, PLL_LOCK, "lock", &lock_waited);
    answer(*sys & SYS_AUX, sys_selected, BIT(1), "core", &core_waited);
    *sys_selected = (*sys_selected & ~BIT(0)) | !(*sys & SYS_AUX);
    old_feedback = *feedback;
}

int main(int count, char **arguments)
{
    choose(count, arguments);
    *simulated(RESETS_RESET) = ALL_RESETS;
    *simulated(PLL_PWR) = 0x2D;
    *simulated(CLOCKS_SYS_SELECTED) = BIT(0);
    if (count > 3) {
        *simulated(RESETS_RESET) = ALL_RESETS & ~(RESET_PLL_SYS | BOARD_CLOCK_RESETS);
        *simulated(PLL_CS) = PLL_LOCK | 1;
        *simulated(PLL_PWR) = PWR_DSMPD;
        *simulated(PLL_PRIM) = BOARD_CLOCK_DIVIDERS;
        *simulated(CLOCKS_SYS_CTRL) = SYS_AUX;
        *simulated(CLOCKS_SYS_SELECTED) = BIT(1);
    }
    struct clock clock = clock_start();
    before_access(0);
    bool from_pll = *simulated(CLOCKS_SYS_CTRL) & SYS_AUX;
    require(clock.fallback != from_pll, "the core runs from what it says");
    require(fails("resets") || !(*simulated(RESETS_RESET) & BOARD_CLOCK_RESETS), "what the firmware uses is out of reset");
    printf("%u %d %u\n", (unsigned)clock.hz, clock.fallback, accesses);
    return 0;
}
