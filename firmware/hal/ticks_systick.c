/* SysTick (DDI0403 B3.3). Twin of boards/ticks/systick.py. */
#include "cortex_m.h"
#include "ticks.h"

#define SYSTICK_CSR REGISTER(0xE000E010) /* DDI0403 B3.3.3 */
#define SYSTICK_RVR REGISTER(0xE000E014)
#define SYSTICK_CVR REGISTER(0xE000E018)

#define CSR_ENABLE BIT(0)
#define CSR_TICKINT BIT(1)
#define CSR_CORE_CLOCK BIT(2)

void ticks_driver_start(void)
{
    SYSTICK_RVR = TICKS_WRAP - 1;
    SYSTICK_CVR = 0; /* any write clears it */
    SYSTICK_CSR = CSR_CORE_CLOCK | CSR_TICKINT | CSR_ENABLE;
}

uint32_t ticks_driver_elapsed(void)
{
    /* counts down; the interrupt comes as it reaches 0, so 0 is the first count of a wrap */
    return (TICKS_WRAP - SYSTICK_CVR) % TICKS_WRAP;
}

bool ticks_driver_pending(void)
{
    return (SCB_ICSR & SCB_ICSR_PENDSTSET) != 0;
}

void ticks_interrupt(void)
{
    ticks_wrapped();
}
