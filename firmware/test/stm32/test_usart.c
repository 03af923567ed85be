/* The driver of a USART: what uart_driver_start leaves in the registers, printed as address and word. DRIVER is its file;
 * RESET, a list of {address, word}, are registers that do not start from 0. */
#include DRIVER

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
    static const struct {
        uint32_t address, word;
    } reset[] = RESET;
    for (unsigned i = 0; i < sizeof reset / sizeof reset[0]; i++) {
        *simulated(reset[i].address) = reset[i].word;
    }
    uart_driver_start(BOARD_UART_DIVISOR);
    for (unsigned i = 0; i < 32 && simulated_addresses[i] != 0; i++) {
        printf("%08x %08x\n", (unsigned)simulated_addresses[i], (unsigned)simulated_words[i]);
    }
    return 0;
}
