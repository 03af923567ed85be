// Activation codes of 8 or 16 bits behind one type of pointer. `bits` is a constant wherever these are inlined, so nothing
// of the choice remains in the machine code.
#pragma once
#include <stdint.h>

static inline int32_t nn_load(const void *codes, int32_t index, int bits) {
    return bits == 16 ? ((const int16_t *)codes)[index] : ((const int8_t *)codes)[index];
}

static inline void nn_store(void *codes, int32_t index, int32_t code, int bits) {
    if (bits == 16)
        ((int16_t *)codes)[index] = (int16_t)code;
    else
        ((int8_t *)codes)[index] = (int8_t)code;
}
