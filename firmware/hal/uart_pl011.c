/* Arm's PrimeCell UART PL011 (DDI0183, chapter 3). Twin of boards/uarts/pl011.py.
 *
 * The FIFOs are on: an interrupt comes with every fourth byte, or when less have lain there for 32 bits' time. Run in
 * rp2040js only. */
#include "board.h"
#include "cortex_m.h"
#include "uart.h"

#define UART_DR REGISTER(BOARD_UART_BASE + 0x00)
#define UART_FR REGISTER(BOARD_UART_BASE + 0x18)
#define UART_IBRD REGISTER(BOARD_UART_BASE + 0x24)
#define UART_FBRD REGISTER(BOARD_UART_BASE + 0x28)
#define UART_LCR_H REGISTER(BOARD_UART_BASE + 0x2C)
#define UART_CR REGISTER(BOARD_UART_BASE + 0x30)
#define UART_IFLS REGISTER(BOARD_UART_BASE + 0x34)
#define UART_IMSC REGISTER(BOARD_UART_BASE + 0x38)
#define UART_ICR REGISTER(BOARD_UART_BASE + 0x44)

#define DR_OVERRUN BIT(11)
#define FR_RX_EMPTY BIT(4)
#define FR_TX_FULL BIT(5)
#define LCR_H_FIFOS BIT(4)
#define LCR_H_8_BITS (UINT32_C(3) << 5)
#define CR_ENABLE BIT(0)
#define CR_TX BIT(8)
#define CR_RX BIT(9)
#define IFLS_EIGHTH 0u /* of the FIFO, both ways */
#define INTERRUPT_RX BIT(4)
#define INTERRUPT_RX_TIMEOUT BIT(6)

static const struct {
    uint32_t address, value;
} setup[] = BOARD_UART_SETUP;

void uart_driver_start(uint32_t divisor)
{
    for (uint32_t i = 0; i < sizeof setup / sizeof setup[0]; i++) {
        REGISTER(setup[i].address) = setup[i].value;
    }
    UART_CR = 0;
    UART_IBRD = divisor / 64;
    UART_FBRD = divisor % 64;
    UART_LCR_H = LCR_H_8_BITS | LCR_H_FIFOS; /* after the divisor, which it puts in force (DDI0183 3.3.6) */
    UART_IFLS = IFLS_EIGHTH;
    UART_IMSC = INTERRUPT_RX | INTERRUPT_RX_TIMEOUT;
    UART_CR = CR_ENABLE | CR_TX | CR_RX;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    return (UART_FR & FR_TX_FULL) == 0;
}

void uart_driver_put(uint8_t byte)
{
    UART_DR = byte;
}

void uart_interrupt(void)
{
    UART_ICR = INTERRUPT_RX_TIMEOUT; /* before the bytes are taken: one that stays behind raises it again */
    while ((UART_FR & FR_RX_EMPTY) == 0) { /* bytes come far more slowly than they are taken */
        uint32_t data = UART_DR;
        if (data & DR_OVERRUN) {
            uart_overran();
        }
        uart_received((uint8_t)data);
    }
}
