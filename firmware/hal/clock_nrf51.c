/* nRF51 and nRF52: from the RC oscillator that the core starts on to the crystal, at the same frequency (reference manual 3.0,
 * chapter 13). Twin of boards/clocks/nrf51.py. QEMU reads every register of this peripheral as 1: its crystal has started. */
#include "board.h"
#include "clock.h"
#include "register.h"

#define CLOCK_HFCLKSTART REGISTER(0x40000000)
#define CLOCK_HFCLKSTARTED REGISTER(0x40000100)

/* Polls before the crystal is given up: some 30 ms, where it takes about 1 ms (nRF51822 product specification 3.1). */
#define POLLS 65536u

struct clock clock_start(void)
{
    CLOCK_HFCLKSTART = 1;
    for (uint32_t polls = POLLS; polls > 0; polls--) {
        if (CLOCK_HFCLKSTARTED != 0) {
            return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
        }
    }
    return (struct clock){.hz = BOARD_CLOCK_FALLBACK_HZ, .fallback = true};
}
