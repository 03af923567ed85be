/* The interrupt handler of uart_stm32_usart_v2.c, on a peripheral that keeps RXNE until RDR is read and ORE until ICR
 * is written: every byte is handed on once, every overrun counted once, and the interrupt ends. */
#include "../../hal/uart_stm32_usart_v2.c"

#define ISR (*simulated(BOARD_UART_BASE + 0x1C))
#define ICR (*simulated(BOARD_UART_BASE + 0x20))
#define RDR (*simulated(BOARD_UART_BASE + 0x24))

static unsigned received, overruns, last_byte;
static int rdr_read;

void before_access(uint32_t address)
{
    rdr_read |= address == BOARD_UART_BASE + 0x24;
}

void uart_received(uint8_t byte)
{
    received++;
    last_byte = byte;
}

void uart_overran(void)
{
    overruns++;
}

/* One interrupt with these flags; what is left of them. */
static uint32_t interrupt(uint32_t flags, uint32_t byte)
{
    ISR = flags | ISR_TXE;
    ICR = 0;
    RDR = byte;
    rdr_read = 0;
    uart_interrupt();
    return flags & ~(rdr_read ? ISR_RXNE : 0) & ~ICR;
}

static void require(int rule, const char *text)
{
    if (!rule) {
        fprintf(stderr, "rule broken: %s\n", text);
        exit(1);
    }
}

int main(void)
{
    require(interrupt(ISR_RXNE, 0x5A) == 0 && received == 1 && last_byte == 0x5A && overruns == 0, "a byte");
    require(interrupt(ISR_RXNE | ISR_ORE, 0x100 | 0xC3) == 0 && received == 2 && last_byte == 0xC3 && overruns == 1,
            "a byte, and one after it that was lost");
    require(interrupt(ISR_ORE, 0x77) == 0 && received == 2 && overruns == 2, "an overrun alone brings no byte");
    require(interrupt(0, 0x77) == 0 && received == 2 && overruns == 2 && !rdr_read && ICR == 0, "nothing");
    require(uart_driver_ready(), "TXE");
    ISR = 0;
    require(!uart_driver_ready(), "no TXE");
    uart_driver_put(0x99);
    require(*simulated(BOARD_UART_BASE + 0x28) == 0x99, "TDR");
    return 0;
}
