/* A core that exists only for fuzz_board.c: no interrupts, and sleep ends where the program says. Force-included
 * (clang -include) so that its guard keeps hal/cortex_m.h out. */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#define main firmware_main

static inline void interrupts_disable(void)
{
}

static inline void interrupts_enable(void)
{
}

void wait_for_interrupt(void);

#endif
