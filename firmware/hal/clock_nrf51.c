/* nRF51 and nRF52: from the RC oscillator that the core starts on to the crystal, at the same frequency (reference
 * manual 3.0, chapter 13). Twin of boards/clocks/nrf51.py. QEMU reads every register of this peripheral as 1: its
 * crystal has started. */
#include "board.h"
#include "clock.h"
#include "ready.h"
#include "register.h"

#define CLOCK_HFCLKSTART REGISTER(0x40000000)
#define CLOCK_HFCLKSTARTED 0x40000100

#define STARTED 1u

struct clock clock_start(void)
{
    CLOCK_HFCLKSTART = 1;
    if (becomes(CLOCK_HFCLKSTARTED, STARTED, STARTED)) {
        return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
    }
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
