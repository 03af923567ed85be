/* uart_stm32_usart.c: what uart_driver_start leaves in the registers, printed as address and word. The board is
 * nucleo_f446re; GPIOA starts from its reset values, of which only those of PA2 and PA3 may change. */
#include "../../hal/uart_stm32_usart.c"

void before_access(uint32_t address)
{
    (void)address;
}

void uart_received(uint8_t byte)
{
    (void)byte;
}

void uart_overran(void)
{
}

int main(void)
{
    *simulated(0x40020000) = 0xA8000000; /* RM0390 7.4.1: the debug port's pins */
    *simulated(0x40020008) = 0x0C000000; /* 7.4.3 */
    *simulated(0x4002000C) = 0x64000000; /* 7.4.4 */
    *simulated(0x40023830) = 0x00100000; /* 6.3.10 */
    uart_driver_start(BOARD_UART_DIVISOR);
    for (unsigned i = 0; i < 32 && simulated_addresses[i] != 0; i++) {
        printf("%08x %08x\n", (unsigned)simulated_addresses[i], (unsigned)simulated_words[i]);
    }
    return 0;
}
