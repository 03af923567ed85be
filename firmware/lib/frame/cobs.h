/* Consistent Overhead Byte Stuffing: bytes without zeros, so that a zero can delimit them.
 *
 * Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999. */
#ifndef COBS_H
#define COBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest encoding of `length` bytes, delimiter not included. */
#define COBS_ENCODED_MAX(length) ((length) + (length) / 254u + 1u)

/* Encode `length` bytes into `encoded`, which has room for COBS_ENCODED_MAX(length), and return the encoded length.
 * Up to 254 bytes may lie at encoded + 1: each is then written where it was read. */
size_t cobs_encode(uint8_t *encoded, const uint8_t *data, size_t length);

/* Decode `length` bytes (no delimiter among them) into `data`, which has room for as many and may be `encoded` itself.
 * False if they are no COBS encoding; `data` is then undefined. */
__attribute__((warn_unused_result)) bool cobs_decode(uint8_t *data, size_t *data_length, const uint8_t *encoded,
                                                     size_t length);

#endif
