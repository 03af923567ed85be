/* CRC-32 of ISO 3309 (as in Ethernet and zlib), check value of "123456789": 0xCBF43926. */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC of `length` bytes; `crc` is 0, or the CRC of the bytes before them. */
uint32_t crc32(uint32_t crc, const uint8_t *data, size_t length);

#endif
