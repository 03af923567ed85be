#include "uart.h"

#include "board.h"
#include "ring.h"

/* Polls of a busy transmitter before it is given up: the core cycles of 16 bytes of 10 bits, while the longest wait is
 * one byte and a poll takes more than one cycle. */
#define TRANSMIT_POLLS (16u * 10u * (BOARD_CLOCK_HZ / BOARD_UART_BAUD + 1u))

static struct ring received;
static volatile uint32_t overruns; /* of the peripheral; the ring counts its own */

void uart_start(bool fallback)
{
    uart_driver_start(fallback ? BOARD_UART_FALLBACK_DIVISOR : BOARD_UART_DIVISOR);
}

bool uart_read(uint8_t *byte)
{
    return ring_get(&received, byte);
}

bool uart_idle(void)
{
    return ring_empty(&received);
}

uint32_t uart_overruns(void)
{
    return overruns + atomic_load_explicit(&received.overruns, memory_order_relaxed);
}

void uart_received(uint8_t byte)
{
    ring_put(&received, byte);
}

void uart_overran(void)
{
    overruns = overruns + 1;
}

enum uart_status uart_write(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t polls = TRANSMIT_POLLS;
        while (!uart_driver_ready()) {
            if (--polls == 0) {
                return UART_TIMEOUT;
            }
        }
        uart_driver_put(bytes[i]);
    }
    return UART_OK;
}
