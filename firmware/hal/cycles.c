#include "cycles.h"

#include "board.h"
#include "cortex_m.h"
#include "ticks.h"

#define DEMCR REGISTER(0xE000EDFC)      /* DDI0403 C1.6.5 */
#define DWT_CTRL REGISTER(0xE0001000)   /* C1.8.7 */
#define DWT_CYCCNT REGISTER(0xE0001004) /* C1.8.8 */
#define DWT_LAR REGISTER(0xE0001FB0)    /* C1.1.2, CoreSight management registers: lock access */

#define DEMCR_TRCENA BIT(24)
#define DWT_CTRL_CYCCNTENA BIT(0)
#define DWT_LAR_UNLOCK UINT32_C(0xC5ACCE55)

#define SYSTICK_EXCEPTION 15 /* B1.5.2 */

static enum cycles_source source;
static uint32_t overhead;

#if __ARM_ARCH_ISA_THUMB >= 2
static bool dwt_counts(void)
{
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_UNLOCK; /* a Cortex-M7 ignores what software writes before this; cores without the lock ignore this */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    memory_barrier();
    uint32_t first = DWT_CYCCNT;
    memory_barrier(); /* takes at least one cycle */
    return DWT_CYCCNT != first;
}
#else
/* DDI0419 C1.8: Armv6-M has no cycle counter, and software need not see the DWT at all. */
static bool dwt_counts(void)
{
    return false;
}
#endif

void cycles_start(void)
{
    source = dwt_counts() ? CYCLES_DWT : BOARD_TICKS_EXCEPTION == SYSTICK_EXCEPTION ? CYCLES_SYSTICK : CYCLES_TIMER;
    overhead = cycles_since(cycles_now());
}

enum cycles_source cycles_source(void)
{
    return source;
}

uint32_t cycles_now(void)
{
    return source == CYCLES_DWT ? DWT_CYCCNT : (uint32_t)ticks_now();
}

uint32_t cycles_since(uint32_t start)
{
    return cycles_now() - start - overhead;
}
