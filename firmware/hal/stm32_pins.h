/* The pins of an STM32's UART, and the clocks that it and they need. Twin of boards/uarts/stm32_pins.py, which also
 * says which version of the GPIO port the chip has: BOARD_UART_PORTS is "stm32_port_moder.h" or "stm32_port_crl.h". */
#ifndef STM32_PINS_H
#define STM32_PINS_H

#include "board.h"
#include "cortex_m.h"
#include BOARD_UART_PORTS

static const struct {
    uint32_t address, bit;
} enables[] = BOARD_UART_ENABLE;

static const struct {
    uint32_t port, pin, function;
} pins[] = BOARD_UART_PINS;

static void pins_start(void)
{
    for (uint32_t i = 0; i < sizeof enables / sizeof enables[0]; i++) {
        REGISTER(enables[i].address) |= BIT(enables[i].bit);
        memory_barrier(); /* STM32F446 errata sheet: delay after an RCC peripheral clock enabling */
    }
    for (uint32_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        port_function(pins[i].port, pins[i].pin, pins[i].function);
    }
}

#endif
