/* The time base: core clock periods since ticks_start(), 64 bits, from a 24-bit counter that runs free.
 *
 * ticks.c is common; ticks_<driver>.c knows the counter, SysTick on nearly every board, and the board file says which.
 * It interrupts once a wrap, every 0.09 s at 180 MHz: no millisecond tick, and under `qemu -icount` a count of
 * instructions (boards/: icount_shift, ticks_hz). It goes on counting in WFI sleep, which the cycle counter of the DWT
 * does not. */
#ifndef TICKS_H
#define TICKS_H

#include <stdbool.h>
#include <stdint.h>

#define TICKS_WRAP (UINT32_C(1) << 24)

void ticks_start(void);

/* Also correct where the wrap interrupt is held off, for less than half a wrap. */
uint64_t ticks_now(void);

/* Implemented by ticks_<driver>.c: set the counter and its interrupt going; counts since the last wrap; whether a
 * wrap's interrupt is still to come. */
void ticks_driver_start(void);
uint32_t ticks_driver_elapsed(void);
bool ticks_driver_pending(void);

/* Handler of the counter's exception, implemented by ticks_<driver>.c, which calls the next one. */
void ticks_interrupt(void);
void ticks_wrapped(void);

#endif
