/* How long a piece of code took: the core's cycle counter where it counts, else ticks.
 *
 *     uint32_t start = cycles_now();
 *     work();
 *     uint32_t used = cycles_since(start);
 *
 * Right up to 2^32 cycles (23 s at 180 MHz). The cost of measuring itself is taken off. */
#ifndef CYCLES_H
#define CYCLES_H

#include <stdint.h>

/* Values of enum message_cycle_source in messages.h. */
enum cycles_source {
    CYCLES_DWT = 0,     /* data watchpoint and trace unit, DDI0403 C1.8: one count a core cycle */
    CYCLES_SYSTICK = 1, /* ticks.h, from SysTick */
    CYCLES_TIMER = 2,   /* ticks.h, from a timer of the chip */
};

/* Finds out whether the DWT counts (in QEMU it reads 0 for ever, and Armv6-M has none). After ticks_start(). */
void cycles_start(void);
enum cycles_source cycles_source(void);

uint32_t cycles_now(void);
uint32_t cycles_since(uint32_t start);

#endif
