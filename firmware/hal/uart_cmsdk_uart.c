/* APB UART of the Cortex-M System Design Kit (DDI0479, chapter 4). Twin of boards/uarts/cmsdk_uart.py. */
#include "board.h"
#include "cortex_m.h"
#include "uart.h"

#define UART_DATA REGISTER(BOARD_UART_BASE + 0x00)
#define UART_STATE REGISTER(BOARD_UART_BASE + 0x04)
#define UART_CTRL REGISTER(BOARD_UART_BASE + 0x08)
#define UART_INTCLEAR REGISTER(BOARD_UART_BASE + 0x0C)
#define UART_BAUDDIV REGISTER(BOARD_UART_BASE + 0x10)

#define STATE_TX_FULL BIT(0)
#define STATE_RX_FULL BIT(1)
#define STATE_RX_OVERRUN BIT(3)
#define CTRL_TX BIT(0)
#define CTRL_RX BIT(1)
#define CTRL_RX_INTERRUPT BIT(3)
#define INTCLEAR_RX BIT(1)

void uart_driver_start(uint32_t divisor)
{
    UART_BAUDDIV = divisor;
    UART_CTRL = CTRL_TX | CTRL_RX | CTRL_RX_INTERRUPT;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    return (UART_STATE & STATE_TX_FULL) == 0;
}

void uart_driver_put(uint8_t byte)
{
    UART_DATA = byte;
}

void uart_interrupt(void)
{
    UART_INTCLEAR = INTCLEAR_RX; /* before the byte is taken: one that arrives meanwhile raises it again */
    uint32_t state = UART_STATE;
    if (state & STATE_RX_OVERRUN) {
        UART_STATE = STATE_RX_OVERRUN; /* cleared by writing 1 */
        uart_overran();
    }
    if (state & STATE_RX_FULL) {
        uart_received((uint8_t)UART_DATA);
    }
}
