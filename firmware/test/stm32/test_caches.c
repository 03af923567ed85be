/* caches.c on simulated registers: both caches are emptied in full before they are on, and a clean covers every line
 * of a range and no other. The data cache is that of the STM32F746, 4 KiB: DDI0489 5.2, 32 sets of four ways of 32
 * bytes. */
#include "simulated_clock.h"

#include "../../hal/caches.c"

enum { SETS = 32, WAYS = 4 };

static bool emptied[SETS][WAYS], instructions_emptied;
static uint32_t cleaned[8];
static unsigned cleans;
static uint32_t last;

/* Looks at what the access before this one wrote. */
void before_access(uint32_t address)
{
    accesses++;
    uint32_t word = last ? *simulated(last) : 0;
    if (last == 0xE000EF60) {
        require((word & ~(UINT32_C(3) << 30 | UINT32_C(0x1F) << 5)) == 0, "DCISW: set and way of level 1");
        emptied[word >> 5 & 0x1F][word >> 30] = true;
    }
    if (last == 0xE000EF50) {
        instructions_emptied = true;
    }
    if (last == 0xE000EF68) {
        require(cleans < 8, "lines of the range alone");
        cleaned[cleans++] = word;
    }
    if (address == 0xE000ED14) {
        require(instructions_emptied, "the instruction cache is on once it is empty");
        for (unsigned set = 0; set < SETS; set++) {
            for (unsigned way = 0; way < WAYS; way++) {
                require(emptied[set][way], "the data cache is on once it is empty");
            }
        }
    }
    last = address;
}

int main(void)
{
    *simulated(0xE000ED80) = (SETS - 1) << 13 | (WAYS - 1) << 3 | 1; /* CCSIDR: 32 bytes a line are 1 */
    *simulated(0xE000ED14) = BIT(9);                                 /* CCR after reset: STKALIGN */
    caches_start();
    require(*simulated(0xE000ED14) == (BIT(9) | BIT(16) | BIT(17)), "both caches are on, and nothing else changed");
    require(accesses < SETS * WAYS + 10, "each line once");
    caches_clean((const void *)(uintptr_t)0x2400103C, 40);
    before_access(0);
    require(cleans == 3 && cleaned[0] == 0x24001020 && cleaned[1] == 0x24001040 && cleaned[2] == 0x24001060, "three lines");
    last = 0;
    caches_clean((const void *)(uintptr_t)0x24002000, 32);
    before_access(0);
    require(cleans == 4 && cleaned[3] == 0x24002000, "one line");
    return 0;
}
