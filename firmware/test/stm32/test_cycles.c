/* cycles.c against a DWT of three kinds, the argument: `locked`, that of a Cortex-M7, ignores every write until the key
 * was written to DWT_LAR; `open`, that of a Cortex-M4, has no such register; `absent` keeps nothing that is written.
 * Prints the source that cycles_start chose. The driver is included, so that it sees the simulated registers of this
 * file. */
#include "simulated_clock.h"

#include "../../hal/cycles.c"

enum { CYCLES_PER_ACCESS = 3 };

static bool locked, absent;
static uint32_t last;

uint64_t ticks_now(void)
{
    return 0;
}

/* Looks at what the access before this one wrote. */
void before_access(uint32_t address)
{
    volatile uint32_t *demcr = simulated(0xE000EDFC), *ctrl = simulated(0xE0001000), *cyccnt = simulated(0xE0001004);
    static uint32_t count;
    accesses++;
    bool powered = *demcr & BIT(24);
    require(powered || address >> 12 != 0xE0001, "the DWT is touched once TRCENA is set (C1.6.5)");
    if (last == 0xE0001FB0) {
        locked = locked && *simulated(last) != 0xC5ACCE55;
    }
    if (locked || absent) {
        *ctrl = 0;
        *cyccnt = count = 0;
    }
    if (last == 0xE0001004) {
        count = *cyccnt;
    }
    if (*ctrl & BIT(0)) {
        *cyccnt = count += CYCLES_PER_ACCESS;
    }
    last = address;
}

int main(int count, char **arguments)
{
    require(count == 2, "an argument");
    locked = strcmp(arguments[1], "locked") == 0;
    absent = strcmp(arguments[1], "absent") == 0;
    cycles_start();
    printf("%d\n", (int)cycles_source());
    return 0;
}
