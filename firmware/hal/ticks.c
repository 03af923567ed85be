#include "ticks.h"

#include <stdbool.h>

#include "cortex_m.h"

#define SYSTICK_CSR REGISTER(0xE000E010) /* DDI0403 B3.3.3 */
#define SYSTICK_RVR REGISTER(0xE000E014)
#define SYSTICK_CVR REGISTER(0xE000E018)

#define CSR_ENABLE BIT(0)
#define CSR_TICKINT BIT(1)
#define CSR_CORE_CLOCK BIT(2)

static volatile uint32_t wraps; /* 2^32 wraps are 12 years at 180 MHz */

void ticks_start(void)
{
    SYSTICK_RVR = TICKS_WRAP - 1;
    SYSTICK_CVR = 0; /* any write clears it */
    SYSTICK_CSR = CSR_CORE_CLOCK | CSR_TICKINT | CSR_ENABLE;
}

void ticks_interrupt(void)
{
    wraps = wraps + 1;
}

uint64_t ticks_now(void)
{
    uint32_t before, elapsed, pending;
    do {
        before = wraps;
        /* counts down; the interrupt comes as it reaches 0, so 0 is the first count of a wrap */
        elapsed = (TICKS_WRAP - SYSTICK_CVR) % TICKS_WRAP;
        pending = SCB_ICSR & SCB_ICSR_PENDSTSET;
    } while (wraps != before);
    /* Wrapped with the interrupt still held off? A pending one that came after `elapsed` was read belongs to the next
     * wrap: then `elapsed` is large. */
    bool missed = pending != 0 && elapsed < TICKS_WRAP / 2;
    return ((uint64_t)before + missed) * TICKS_WRAP + elapsed;
}
