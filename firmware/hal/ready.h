/* Waiting for the flags of a chip's clocks, regulators and flash: `becomes`. */
#ifndef READY_H
#define READY_H

#include <stdbool.h>

#include "register.h"

/* Polls before a flag is given up: some 30 ms at 16 MHz and 7 ms at 64 MHz, where a crystal takes 2 ms and a PLL 0.3 ms
 * to start (STM32F446 data sheet, HSE oscillator and PLL characteristics; the other STM32, the RP2040 and the nRF51,
 * whose crystal takes 1 ms by its product specification 3.1, are no slower). */
#define POLLS 65536u

/* True once the bits of `mask` are `value`; false if they do not become so. */
static inline bool becomes(uint32_t address, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = POLLS; polls > 0; polls--) {
        if ((REGISTER(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

#endif
