/* UART of the nRF51 (reference manual 3.0, chapter 29) and nRF52. Twin of boards/uarts/nrf51_uart.py. Run in QEMU only.
 *
 * Tasks are started by writing 1; events read as 1 until 0 is written. */
#include "board.h"
#include "cortex_m.h"
#include "uart.h"

#define UART_STARTRX REGISTER(BOARD_UART_BASE + 0x000)
#define UART_STARTTX REGISTER(BOARD_UART_BASE + 0x008)
#define UART_RXDRDY REGISTER(BOARD_UART_BASE + 0x108)
#define UART_TXDRDY REGISTER(BOARD_UART_BASE + 0x11C)
#define UART_ERROR REGISTER(BOARD_UART_BASE + 0x124)
#define UART_INTENSET REGISTER(BOARD_UART_BASE + 0x304)
#define UART_ERRORSRC REGISTER(BOARD_UART_BASE + 0x480)
#define UART_ENABLE REGISTER(BOARD_UART_BASE + 0x500)
#define UART_PSELTXD REGISTER(BOARD_UART_BASE + 0x50C)
#define UART_PSELRXD REGISTER(BOARD_UART_BASE + 0x514)
#define UART_RXD REGISTER(BOARD_UART_BASE + 0x518)
#define UART_TXD REGISTER(BOARD_UART_BASE + 0x51C)
#define UART_BAUDRATE REGISTER(BOARD_UART_BASE + 0x524)

/* GPIO, chapter 14; port 1 of an nRF52840 lies 0x300 behind port 0 (its product specification, 6.9.2) */
#define GPIO(pin) (0x50000000 + 0x300 * ((pin) / 32))
#define GPIO_OUTSET(pin) REGISTER(GPIO(pin) + 0x508)
#define GPIO_PIN_CNF(pin) REGISTER(GPIO(pin) + 0x700 + 4 * ((pin) % 32))

#define TRIGGER 1u
#define INTEN_RXDRDY BIT(2)
#define INTEN_ERROR BIT(9)
#define ERRORSRC_OVERRUN BIT(0)
#define ENABLE_ENABLED 4u
#define PIN_CNF_OUTPUT (BIT(0) | BIT(1)) /* and no input buffer */
#define PIN_CNF_PULL_UP (UINT32_C(3) << 2)

static bool sending; /* a byte was written and its TXDRDY has not been seen */

void uart_driver_start(uint32_t divisor)
{
    GPIO_OUTSET(BOARD_UART_TRANSMIT) = BIT(BOARD_UART_TRANSMIT % 32); /* the idle level, before the pin is driven */
    GPIO_PIN_CNF(BOARD_UART_TRANSMIT) = PIN_CNF_OUTPUT;
    GPIO_PIN_CNF(BOARD_UART_RECEIVE) = PIN_CNF_PULL_UP; /* an open RX must not look like a start bit */
    UART_PSELTXD = BOARD_UART_TRANSMIT;
    UART_PSELRXD = BOARD_UART_RECEIVE;
    UART_BAUDRATE = divisor;
    UART_ENABLE = ENABLE_ENABLED;
    UART_INTENSET = INTEN_RXDRDY | INTEN_ERROR;
    UART_STARTRX = TRIGGER;
    UART_STARTTX = TRIGGER;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    if (sending && UART_TXDRDY != 0) {
        UART_TXDRDY = 0;
        sending = false;
    }
    return !sending;
}

void uart_driver_put(uint8_t byte)
{
    sending = true;
    UART_TXD = byte;
}

void uart_interrupt(void)
{
    if (UART_RXDRDY != 0) {
        UART_RXDRDY = 0; /* before the byte is taken: the next one in the FIFO raises it again */
        uart_received((uint8_t)UART_RXD);
    }
    if (UART_ERROR != 0) {
        UART_ERROR = 0;
        uint32_t source = UART_ERRORSRC;
        UART_ERRORSRC = source; /* cleared by writing 1 */
        if (source & ERRORSRC_OVERRUN) {
            uart_overran();
        }
    }
}
