/* GPIO port of the STM32F1: registers CRL and CRH, with four bits a pin (RM0041 chapter 7.2). */
#ifndef STM32_PORT_CRL_H
#define STM32_PORT_CRL_H

#include "register.h"

#define GPIO_CR(port, pin) REGISTER((port) + 4 * ((pin) / 8))
#define GPIO_BSRR(port) REGISTER((port) + 0x10)

/* `function` is CNF and MODE. */
static inline void port_function(uint32_t port, uint32_t pin, uint32_t function)
{
    uint32_t shift = 4 * (pin % 8);
    GPIO_BSRR(port) = BIT(pin); /* of an input with a pull resistor: up, for an open RX must not look like a start bit */
    GPIO_CR(port, pin) = (GPIO_CR(port, pin) & ~(UINT32_C(0xF) << shift)) | function << shift;
}

#endif
