/* A core that exists only for ticks.c: SysTick counts a little with every register access, and its interrupt is taken
 * some accesses late or, while the test says so, not at all. Force-included (gcc -include) so that its guard keeps
 * hal/cortex_m.h out. */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

volatile uint32_t *access_register(uint32_t address);

#define REGISTER(address) (*access_register(address))
#define BIT(n) (UINT32_C(1) << (n))
#define SCB_ICSR REGISTER(0xE000ED04)
#define SCB_ICSR_PENDSTSET BIT(26)

#endif
