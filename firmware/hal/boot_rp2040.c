/* Second stage of the RP2040's start (its data sheet, 2.8.1.3): the boot ROM copies the first 256 bytes of the flash to
 * RAM and runs them there if the last four are their CRC, which firmware/boot_block.py writes.
 *
 * It has the flash answer reads of its addresses with command 03h, the serial read that every flash knows, one bit at a
 * time, and goes on at the vectors behind it. It runs anywhere, has no data and calls nothing. */
#include "register.h"

#define SSI_CTRLR0 REGISTER(0x18000000) /* 4.10.13 */
#define SSI_CTRLR1 REGISTER(0x18000004)
#define SSI_SSIENR REGISTER(0x18000008)
#define SSI_BAUDR REGISTER(0x18000014)
#define SSI_SPI_CTRLR0 REGISTER(0x180000F4)

#define VTOR REGISTER(0xE000ED08) /* DDI0419 B3.2.6 */

#define CTRLR0_WORDS (UINT32_C(31) << 16)     /* DFS_32: 32 clocks of data */
#define CTRLR0_READ (UINT32_C(3) << 8)        /* TMOD: send command and address, then receive; SPI_FRF 0: one bit wide */
#define SPI_CTRLR0_03H (UINT32_C(0x03) << 24) /* XIP_CMD */
#define SPI_CTRLR0_COMMAND (UINT32_C(2) << 8) /* INST_L: 8 bits */
#define SPI_CTRLR0_ADDRESS (UINT32_C(6) << 2) /* ADDR_L: 24 bits, counted in fours */

#define DIVIDER 4u /* of the core's clock: 31 MHz, where command 03h is good for 50 MHz (W25Q16JV data sheet, 9.6) */

extern const uint32_t _vectors[];

__attribute__((section(".boot"), used, noreturn)) void boot_second_stage(void)
{
    SSI_SSIENR = 0;
    SSI_BAUDR = DIVIDER;
    SSI_CTRLR0 = CTRLR0_WORDS | CTRLR0_READ;
    SSI_CTRLR1 = 0; /* one word a read */
    SSI_SPI_CTRLR0 = SPI_CTRLR0_03H | SPI_CTRLR0_COMMAND | SPI_CTRLR0_ADDRESS;
    SSI_SSIENR = 1;
    VTOR = (uint32_t)(uintptr_t)_vectors;
    __asm__ volatile("msr msp, %0\n\tbx %1" ::"r"(_vectors[0]), "r"(_vectors[1]));
    __builtin_unreachable();
}
