/* The time base: core clock periods since ticks_start(), 64 bits, from SysTick.
 *
 * SysTick runs free over its full 24 bits and interrupts once a wrap, every 0.09 s at 180 MHz: no millisecond tick, and
 * under `qemu -icount` a count of instructions (boards/: icount_shift, systick_hz). It goes on counting in WFI sleep,
 * which the cycle counter of the DWT does not. */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>

#define TICKS_WRAP (UINT32_C(1) << 24)

void ticks_start(void);

/* Also correct where the wrap interrupt is held off, for less than half a wrap. */
uint64_t ticks_now(void);

/* Handler of SysTick, exception 15. */
void ticks_interrupt(void);

#endif
