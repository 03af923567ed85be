/* The clock tree: clock_<driver>.c, named by the board file. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
    uint32_t hz;   /* core clock now */
    bool fallback; /* the tree did not come up: core and buses run from the oscillator the chip started with */
};

/* Set up the tree of board.h. Every wait is bounded; it returns whatever the hardware does. */
struct clock clock_start(void);

#endif
