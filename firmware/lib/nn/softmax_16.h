// SOFTMAX in int16. Both functions it needs, exp on [-10, 0] and 1 / (1 + x) on [0, 1], are tables of 513 entries with linear
// interpolation, as in TensorFlow Lite Micro's reference kernel.
#pragma once
#include "requantise.h"

struct nn_softmax_16 {
    const int16_t *exponential; // of -10 + 10 i / 512, Q0.15
    const int16_t *reciprocal;  // 1 / (1 + i / 512), Q0.15
    int32_t rows, depth;
    int32_t multiplier, shift; // from a difference of codes to 10 / 65535
};

// The upper 9 bits of the value choose the table's step, the other 7 a point in it.
static inline int32_t nn_interpolate_16(const int16_t *table, int32_t value) {
    const int16_t *at = table + 256 + (value >> 7);
    const int32_t slope = at[1] - at[0];
    return at[0] + ((slope * (value & 127) + 64) >> 7);
}

static inline void nn_softmax_16(const struct nn_softmax_16 *l, const int16_t *input, int16_t *output) {
    for (int32_t row = 0; row < l->rows; row++, input += l->depth, output += l->depth) {
        int32_t largest = INT16_MIN, sum = 0; // sum in Q16.15
        for (int32_t i = 0; i < l->depth; i++)
            if (input[i] > largest) largest = input[i];
        for (int32_t i = 0; i < l->depth; i++) {
            const int32_t scaled = nn_multiply(input[i] - largest, l->multiplier, l->shift);
            const int32_t centred = (int32_t)((uint32_t)scaled + INT16_MAX);
            output[i] = (int16_t)nn_interpolate_16(l->exponential, nn_clamp(centred, INT16_MIN, INT16_MAX));
            sum += output[i];
        }
        int32_t zeros = 0;
        while (!((uint32_t)sum << zeros & 0x80000000u)) zeros++;
        // The sum as 1 + x with x in Q0.16, around the middle of the table.
        const int32_t one_plus_x = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
        const int32_t x = nn_clamp(one_plus_x - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX);
        const int32_t reciprocal = nn_interpolate_16(l->reciprocal, x);
        const int32_t shift = 31 - zeros;
        for (int32_t i = 0; i < l->depth; i++) {
            const int64_t product = (int64_t)output[i] * reciprocal + (1ll << (shift - 1));
            output[i] = (int16_t)nn_clamp((int32_t)(product >> shift), 0, INT16_MAX);
        }
    }
}
