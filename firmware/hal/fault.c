#include "fault.h"

#include "caches.h"
#include "cortex_m.h"

#define VALID UINT32_C(0xFA17FA17) /* the record was written, not what RAM holds after power-up */

enum { STACKED_PC = 6, STACKED_WORDS = 8 }; /* DDI0403 B1.5.6: r0-r3, r12, lr, pc, xPSR */

__attribute__((section(".noinit"))) static struct {
    uint32_t valid;
    uint32_t restarts; /* in a row */
    struct fault fault;
} record;

extern uint32_t _stack_bottom[], _stack_top[];

static uint32_t status(void)
{
#if __ARM_ARCH_ISA_THUMB >= 2
    return SCB_CFSR;
#else
    return 0; /* DDI0419 B3.2.1: Armv6-M does not say why */
#endif
}

__attribute__((noreturn, used)) static void restart(uint32_t exception, const uint32_t *frame)
{
    bool framed = frame >= _stack_bottom && frame + STACKED_WORDS <= _stack_top;
    record.restarts = record.valid == VALID ? record.restarts + 1 : 1;
    record.valid = VALID;
    record.fault = (struct fault){exception, framed ? frame[STACKED_PC] : 0, status()};
    caches_clean(&record, sizeof record);
    memory_barrier();
    if (record.restarts <= FAULT_RESTARTS) {
        SCB_AIRCR = SCB_AIRCR_RESET;
        memory_barrier();
    }
    for (;;) {
        interrupts_disable();
        wait_for_interrupt();
    }
}

/* The stack may be what failed, so the handler takes all of it anew before anything is pushed. */
__attribute__((naked)) void fault_entry(void)
{
    __asm__ volatile("mrs r0, ipsr\n\t"
                     "mov r1, sp\n\t"
                     "ldr r2, =_stack_top\n\t"
                     "mov sp, r2\n\t"
                     "bl restart\n\t" /* not b, which in Armv6-M reaches 2 KiB */
                     ".ltorg");
}

void fault_stop(void)
{
    interrupts_disable();
    restart(FAULT_STOP, 0);
}

bool fault_last(struct fault *fault)
{
    if (record.valid != VALID || record.restarts == 0) {
        return false;
    }
    *fault = record.fault;
    return true;
}

void fault_forget(void)
{
    record.restarts = 0;
    caches_clean(&record, sizeof record);
}
