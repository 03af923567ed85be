/* DDI0403 B2.2.7 (maintenance operations) and B4.8 (identification); DDI0489 (Cortex-M7 technical reference manual)
 * 3.2. */
#include "caches.h"

#include "board.h"
#include "cortex_m.h"

#define SCB_CCR REGISTER(0xE000ED14)    /* DDI0403 B3.2.8 */
#define SCB_CCSIDR REGISTER(0xE000ED80) /* B4.8.4 */
#define SCB_CSSELR REGISTER(0xE000ED84) /* B4.8.3 */
#define ICIALLU REGISTER(0xE000EF50)    /* B3.2.2: instruction cache, all of it */
#define DCISW REGISTER(0xE000EF60)      /* data cache, invalidate a line by set and way */
#define DCCMVAC REGISTER(0xE000EF68)    /* data cache, clean the line of an address */

#define CCR_DC BIT(16)
#define CCR_IC BIT(17)
#define CSSELR_DATA_1 UINT32_C(0) /* level 1, data */
#define CCSIDR_SETS(word) (((word) >> 13 & 0x7FFF) + 1)
#define CCSIDR_WAYS(word) (((word) >> 3 & 0x3FF) + 1)

/* DDI0489 5.2: 32 bytes a line and four ways in the data cache of every size */
#define LINE 32u
#define SET_SHIFT 5
#define WAY_SHIFT 30

void caches_start(void)
{
    if (!BOARD_CORE_CACHES) {
        return;
    }
    memory_barrier();
    ICIALLU = 0;
    SCB_CSSELR = CSSELR_DATA_1;
    memory_barrier();
    uint32_t size = SCB_CCSIDR;
    for (uint32_t set = 0; set < CCSIDR_SETS(size); set++) {
        for (uint32_t way = 0; way < CCSIDR_WAYS(size); way++) {
            DCISW = set << SET_SHIFT | way << WAY_SHIFT;
        }
    }
    memory_barrier();
    SCB_CCR |= CCR_IC | CCR_DC;
    memory_barrier();
}

void caches_clean(const void *bytes, size_t length)
{
    if (!BOARD_CORE_CACHES) {
        return;
    }
    memory_barrier();
    uint32_t first = (uint32_t)(uintptr_t)bytes & ~(LINE - 1u);
    for (uint32_t line = first; line < (uint32_t)(uintptr_t)bytes + length; line += LINE) {
        DCCMVAC = line;
    }
    memory_barrier();
}
