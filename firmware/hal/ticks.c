#include "ticks.h"

static volatile uint32_t wraps; /* 2^32 wraps are 12 years at 180 MHz */

void ticks_start(void)
{
    ticks_driver_start();
}

void ticks_wrapped(void)
{
    wraps = wraps + 1;
}

uint64_t ticks_now(void)
{
    uint32_t before, elapsed;
    bool pending;
    do {
        before = wraps;
        elapsed = ticks_driver_elapsed();
        pending = ticks_driver_pending();
    } while (wraps != before);
    /* Wrapped with the interrupt still held off? A pending one that came after `elapsed` was read belongs to the next
     * wrap: then `elapsed` is large. */
    bool missed = pending && elapsed < TICKS_WRAP / 2;
    return ((uint64_t)before + missed) * TICKS_WRAP + elapsed;
}
