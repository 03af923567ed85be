/* GPIO port of every STM32 but the F1: registers MODER, OSPEEDR, PUPDR, AFRL (RM0390 chapter 7.4). */
#ifndef STM32_PORT_MODER_H
#define STM32_PORT_MODER_H

#include "register.h"

#define GPIO_MODER(port) REGISTER((port) + 0x00)
#define GPIO_OSPEEDR(port) REGISTER((port) + 0x08)
#define GPIO_PUPDR(port) REGISTER((port) + 0x0C)
#define GPIO_AFR(port, pin) REGISTER((port) + 0x20 + 4 * ((pin) / 8))

enum { MODE_ALTERNATE = 2, SPEED_MEDIUM = 1, PULL_UP = 1 };

/* Replace the `width` bits of field number `index`. */
static inline void set_field(volatile uint32_t *word, uint32_t index, uint32_t width, uint32_t value)
{
    uint32_t mask = (BIT(width) - 1u) << (index * width);
    *word = (*word & ~mask) | value << (index * width);
}

static inline void port_function(uint32_t port, uint32_t pin, uint32_t function)
{
    set_field(&GPIO_AFR(port, pin), pin % 8, 4, function);
    set_field(&GPIO_OSPEEDR(port), pin, 2, SPEED_MEDIUM);
    set_field(&GPIO_PUPDR(port), pin, 2, PULL_UP); /* an open RX must not look like a start bit */
    set_field(&GPIO_MODER(port), pin, 2, MODE_ALTERNATE);
}

#endif
