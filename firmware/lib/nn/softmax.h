// SOFTMAX in int8 with the gemmlowp fixed-point arithmetic of TensorFlow Lite Micro. The exponential of every possible
// difference to the row's maximum is a table entry (Q0.31), computed by the compiler; the reciprocal of the sum is three
// Newton-Raphson steps here.
#pragma once
#include "requantise.h"

struct nn_softmax {
    const int32_t *exponential; // of difference d = maximum - code; differences from `entries` on give the lowest code
    int32_t rows, depth, entries;
};

static inline int32_t nn_round_shift(int32_t value, int32_t shift) {
    const int32_t mask = (int32_t)((1u << shift) - 1u);
    return (value >> shift) + ((value & mask) > (mask >> 1) + (value < 0) ? 1 : 0);
}

static inline int32_t nn_saturated_quadruple(int32_t value) {
    return value > INT32_MAX / 4 ? INT32_MAX : value < INT32_MIN / 4 ? INT32_MIN : value * 4;
}

// 1 / (1 + x) for x in [0, 1), both Q0.31.
static inline int32_t nn_reciprocal_of_one_plus(int32_t x) {
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    // Q2.29 start 48/17 - 32/17 * half the denominator, then x += x * (1 - half_denominator * x).
    int32_t estimate = 1515870810 + nn_high_31_rounded(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - nn_high_31_rounded(half_denominator, estimate);
        estimate += nn_saturated_quadruple(nn_high_31_rounded(estimate, error));
    }
    return estimate > INT32_MAX / 2 ? INT32_MAX : estimate * 2;
}

static void nn_softmax(const struct nn_softmax *l, const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < l->rows; row++, input += l->depth) {
        int32_t largest = INT8_MIN, sum = 0; // sum in Q12.19
        for (int32_t i = 0; i < l->depth; i++)
            if (input[i] > largest) largest = input[i];
        for (int32_t i = 0; i < l->depth; i++)
            if (largest - input[i] < l->entries) sum += nn_round_shift(l->exponential[largest - input[i]], 12);
        int32_t zeros = 0;
        while (!((uint32_t)sum << zeros & 0x80000000u)) zeros++;
        const int32_t scale = nn_reciprocal_of_one_plus((int32_t)(((uint32_t)sum << zeros) - 0x80000000u));
        for (int32_t i = 0; i < l->depth; i++) {
            const int32_t difference = largest - input[i];
            const int32_t exponential = difference < l->entries ? l->exponential[difference] : 0;
            const int32_t code = nn_round_shift(nn_high_31_rounded(scale, exponential), 12 - zeros + 23);
            *output++ = (int8_t)nn_clamp(code + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
