/* Reset, the vector table, and what happens on a fault.
 *
 * Reset: debug port opened, stack filled with STACK_FILL (how deep it was used can be read from memory), .data copied,
 * .bss cleared, FPU and caches on, main called. Symbols come from boards/templates/link.ld.in. */
#include "board.h"
#include "caches.h"
#include "cortex_m.h"
#include "debug_port.h"
#include "fault.h"
#include "ticks.h"
#include "uart.h"

#define STACK_FILL UINT32_C(0x57ACF111)

extern uint32_t _stack_bottom[], _stack_top[], _data_start[], _data_end[], _data_load[], _bss_start[], _bss_end[];

int main(void);
void Reset_Handler(void);

typedef void vector(void);

__attribute__((section(".vectors"), used)) static vector *const vectors[BOARD_VECTORS] = {
    /* DDI0403 B1.5.2: the initial stack pointer, then the exceptions, then the interrupts from 16 on */
    [0] = (vector *)_stack_top,
    [1] = Reset_Handler,
    [2] = fault_entry, /* NMI */
    [3] = fault_entry, /* HardFault */
    [4] = fault_entry, /* MemManage */
    [5] = fault_entry, /* BusFault */
    [6] = fault_entry, /* UsageFault */
    [11] = fault_entry, /* SVCall, never used */
    [12] = fault_entry, /* DebugMonitor, never used */
    [14] = fault_entry, /* PendSV, never used */
    [BOARD_TICKS_EXCEPTION] = ticks_interrupt,
    [16 + BOARD_UART_INTERRUPT] = uart_interrupt,
};

void Reset_Handler(void)
{
    debug_port_open(); /* first: a debugger gets in whatever happens below */
    /* volatile: otherwise GCC makes calls to memset of these loops, whose frame would lie in what is being filled */
    volatile uint32_t *stack_pointer;
    __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
    for (volatile uint32_t *word = _stack_bottom; word < stack_pointer; word++) {
        *word = STACK_FILL;
    }
    const uint32_t *load = _data_load;
    for (volatile uint32_t *word = _data_start; word < _data_end;) {
        *word++ = *load++;
    }
    for (volatile uint32_t *word = _bss_start; word < _bss_end;) {
        *word++ = 0;
    }
    SCB_VTOR = (uint32_t)(uintptr_t)vectors; /* ignored by cores that have none, whose table lies at 0 */
#ifdef __ARM_FP
    SCB_CPACR |= SCB_CPACR_FPU;
#endif
    memory_barrier();
    caches_start();
    main();
    fault_stop(); /* main does not return */
}
