#include "cobs.h"

enum { RUN_FULL = 0xFF }; /* code of 254 bytes that no zero follows */

size_t cobs_encode(uint8_t *encoded, const uint8_t *data, size_t length)
{
    size_t code_at = 0;
    size_t at = 1;
    uint8_t code = 1;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = data[i];
        if (byte != 0) {
            encoded[at++] = byte;
            code++;
        }
        /* A full run that ends the data needs no further block. */
        if (byte == 0 || (code == RUN_FULL && i + 1 < length)) {
            encoded[code_at] = code;
            code_at = at++;
            code = 1;
        }
    }
    encoded[code_at] = code;
    return at;
}

bool cobs_decode(uint8_t *data, size_t *data_length, const uint8_t *encoded, size_t length)
{
    size_t at = 0;
    size_t written = 0;
    while (at < length) {
        uint8_t code = encoded[at++];
        if (code == 0 || (size_t)code - 1 > length - at) {
            return false;
        }
        for (size_t end = at + code - 1; at < end; at++) {
            if (encoded[at] == 0) {
                return false;
            }
            data[written++] = encoded[at];
        }
        if (code != RUN_FULL && at < length) {
            data[written++] = 0;
        }
    }
    *data_length = written;
    return true;
}
