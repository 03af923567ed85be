/* debug_port.h: the registers that it touches, printed as address and word. */
#include "../../hal/debug_port.h"

void before_access(uint32_t address)
{
    (void)address;
}

int main(void)
{
    debug_port_open();
    for (unsigned i = 0; i < 32 && simulated_addresses[i] != 0; i++) {
        printf("%08x %08x\n", (unsigned)simulated_addresses[i], (unsigned)simulated_words[i]);
    }
    return 0;
}
