/* The UART of the link: received by interrupt into a ring, transmitted by polling.
 *
 * uart.c is common; uart_<driver>.c knows the peripheral, and the board file says which. Transmission is polled because
 * the USART of QEMU 7.2 raises no transmit interrupt, and one way that works everywhere is better than two. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uart_status {
    UART_OK,
    UART_TIMEOUT, /* the transmitter did not take a byte in time: the rest was not sent */
};

/* `fallback` is clock_start()'s: which clock the baud rate is divided from. */
void uart_start(bool fallback);

/* The next received byte; false if there is none. */
bool uart_read(uint8_t *byte);
bool uart_idle(void);

/* Bytes lost because the ring was full or the interrupt came too late. */
uint32_t uart_overruns(void);

__attribute__((warn_unused_result)) enum uart_status uart_write(const uint8_t *bytes, size_t length);

/* Implemented by uart_<driver>.c: set up the peripheral, its pins and its interrupt. */
void uart_driver_start(uint32_t divisor);

/* Implemented by uart_<driver>.c: true if a byte can be written; then write it. */
bool uart_driver_ready(void);
void uart_driver_put(uint8_t byte);

/* Interrupt handler, implemented by uart_<driver>.c, which calls the next two. */
void uart_interrupt(void);
void uart_received(uint8_t byte);
void uart_overran(void);

#endif
