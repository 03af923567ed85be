/* Registers that are words of memory, for the HAL of the STM32 on a PC. Force-included (gcc -include): its guards
 * keep hal/register.h and hal/cortex_m.h out. Before every access the test's `before_access` may look at what was
 * written and answer as the hardware would. */
#ifndef REGISTER_H
#define REGISTER_H
#define CORTEX_M_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BIT(n) (UINT32_C(1) << (n))
#define REGISTER(address) (*access_register(address))

void before_access(uint32_t address);

static uint32_t simulated_addresses[32], simulated_words[32];

/* The word that stands for a register; a new one holds 0. */
static inline volatile uint32_t *simulated(uint32_t address)
{
    for (unsigned i = 0; i < 32; i++) {
        if (simulated_addresses[i] == 0) {
            simulated_addresses[i] = address;
        }
        if (simulated_addresses[i] == address) {
            return &simulated_words[i];
        }
    }
    fprintf(stderr, "more registers than the simulation has\n");
    exit(1);
}

static inline volatile uint32_t *access_register(uint32_t address)
{
    before_access(address);
    return simulated(address);
}

static inline void memory_barrier(void)
{
}

static inline void nvic_enable(uint32_t interrupt)
{
    REGISTER(0xE000E100 + 4 * (interrupt / 32)) = BIT(interrupt % 32);
}

#endif
