/* RP2040: crystal, system PLL, resets. Twin of boards/clocks/rp2040.py, which computes the words. Sections are of its
 * data sheet.
 *
 * A restart by software resets the core alone and leaves the clocks as they were: so the core moves off the PLL first,
 * and the PLL is reset before it is set up. If the PLL does not lock the core stays on the crystal. Run in rp2040js
 * only. */
#include "board.h"
#include "clock.h"
#include "register.h"
#include "ready.h"

#define RESETS_RESET 0x4000C000 /* 2.14.3 */
#define RESETS_DONE 0x4000C008
#define CLOCKS_REF_CTRL 0x40008030 /* 2.15.7 */
#define CLOCKS_REF_SELECTED 0x40008038
#define CLOCKS_SYS_CTRL 0x4000803C
#define CLOCKS_SYS_SELECTED 0x40008044
#define CLOCKS_PERI_CTRL 0x40008048
#define XOSC_CTRL 0x40024000 /* 2.16.7 */
#define XOSC_STATUS 0x40024004
#define XOSC_STARTUP 0x4002400C
#define PLL_CS 0x40028000 /* 2.18.4 */
#define PLL_PWR 0x40028004
#define PLL_FBDIV_INT 0x40028008
#define PLL_PRIM 0x4002800C

#define RESET_PLL_SYS BIT(12)
#define REF_XOSC UINT32_C(2)  /* CLK_REF_CTRL: SRC */
#define REF_SOURCE UINT32_C(3)
#define SYS_AUX BIT(0)        /* CLK_SYS_CTRL: SRC; AUXSRC 0 is PLL_SYS */
#define PERI_ENABLE BIT(11)   /* AUXSRC 0 is clk_sys */
#define XOSC_ON UINT32_C(0x00FABAA0) /* ENABLE and the range of 1 to 15 MHz */
#define XOSC_STABLE BIT(31)
#define PLL_LOCK BIT(31)
#define PLL_UNDIVIDED UINT32_C(1) /* REFDIV */
#define PWR_DSMPD BIT(2)
#define PWR_POSTDIVPD BIT(3)

static bool out_of_reset(uint32_t bits)
{
    REGISTER(RESETS_RESET) |= bits;
    REGISTER(RESETS_RESET) &= ~bits;
    return becomes(RESETS_DONE, bits, bits);
}

/* SELECTED has one bit for each source (2.15.3.2). */
static bool core_from_reference(void)
{
    REGISTER(CLOCKS_SYS_CTRL) &= ~SYS_AUX;
    return becomes(CLOCKS_SYS_SELECTED, BIT(0), BIT(0));
}

static bool crystal(void)
{
    REGISTER(XOSC_STARTUP) = BOARD_CLOCK_STARTUP;
    REGISTER(XOSC_CTRL) = XOSC_ON;
    if (!becomes(XOSC_STATUS, XOSC_STABLE, XOSC_STABLE)) {
        return false;
    }
    REGISTER(CLOCKS_REF_CTRL) = (REGISTER(CLOCKS_REF_CTRL) & ~REF_SOURCE) | REF_XOSC;
    return becomes(CLOCKS_REF_SELECTED, BIT(REF_XOSC), BIT(REF_XOSC));
}

static bool pll(void)
{
    if (!out_of_reset(RESET_PLL_SYS)) {
        return false;
    }
    REGISTER(PLL_CS) = PLL_UNDIVIDED;
    REGISTER(PLL_FBDIV_INT) = BOARD_CLOCK_FEEDBACK;
    REGISTER(PLL_PWR) = PWR_DSMPD | PWR_POSTDIVPD;
    if (!becomes(PLL_CS, PLL_LOCK, PLL_LOCK)) {
        return false;
    }
    REGISTER(PLL_PRIM) = BOARD_CLOCK_DIVIDERS;
    REGISTER(PLL_PWR) = PWR_DSMPD;
    REGISTER(CLOCKS_SYS_CTRL) = SYS_AUX;
    return becomes(CLOCKS_SYS_SELECTED, SYS_AUX << 1, SYS_AUX << 1);
}

struct clock clock_start(void)
{
    bool fast = core_from_reference() && crystal() && pll();
    REGISTER(CLOCKS_PERI_CTRL) = PERI_ENABLE;
    bool ready = out_of_reset(BOARD_CLOCK_RESETS);
    if (fast && ready) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    REGISTER(CLOCKS_SYS_CTRL) = 0;
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
