// LOGISTIC and TANH in int16: the sigmoid of the magnitude from one table, with linear interpolation between entries. Both
// are odd around their middle, and tanh(x) = 2 sigmoid(2 x) - 1.
#pragma once
#include <stdint.h>

struct nn_sigmoid_16 {
    // At i = 0 .. 255, sigmoid(i / 24) * 2^16 - 2^15 in the lower half, how much larger the next one is in the upper half. The
    // last entry is what the function saturates at, and that is none larger.
    const uint32_t *table;
    int32_t elements;
    int32_t multiplier; // brings a code to 1 / (3 * 4096), together with
    int8_t shift;       // a right shift with rounding
};

// A number that fits a word's lower 31 bits, saturated to so many bits.
__attribute__((always_inline)) static inline uint32_t nn_at_most(uint32_t value, int32_t bits) {
#if defined(__ARM_FEATURE_SAT) && __ARM_FEATURE_SAT && defined(__OPTIMIZE__)
    uint32_t result;
    __asm__("usat %0,%2,%1" : "=r"(result) : "r"(value), "i"(bits));
    return result;
#else
    const uint32_t largest = (1u << bits) - 1u;
    return value > largest ? largest : value;
#endif
}

// `fraction`: the whole table steps of a magnitude are the bits from there on. `middle` is the function at 0, rounding
// included, and `right` the shift to the output.
__attribute__((always_inline)) static inline void nn_sigmoid_16(const struct nn_sigmoid_16 *l, const int16_t *input,
                                                                int16_t *output, int32_t fraction, int32_t middle,
                                                                int32_t right) {
    const uint32_t *const table = l->table;
    const int32_t multiplier = l->multiplier, shift = l->shift, half = shift > 0 ? 1 << (shift - 1) : 0;
#pragma GCC unroll 2
    for (int16_t *const end = output + l->elements; output != end;) {
        const int32_t value = (*input++ * multiplier + half) >> shift;
        const int32_t sign = value >> 31;
        const uint32_t magnitude = nn_at_most((uint32_t)((value ^ sign) - sign), 8 + fraction);
        const uint32_t entry = table[magnitude >> fraction];
        const int32_t rest = (int32_t)(magnitude & ((1u << fraction) - 1u));
        const int32_t above = (int32_t)(uint16_t)entry * (1 << fraction) + rest * (int16_t)(entry >> 16);
        // The reference subtracts from the middle, less 1 before the shift, where the value is negative.
        *output++ = (int16_t)(((above ^ sign) + middle) >> right);
    }
}

static inline void nn_logistic_16(const struct nn_sigmoid_16 *l, const int16_t *input, int16_t *output) {
    nn_sigmoid_16(l, input, output, 9, (1 << 24) + (1 << 9), 10);
}

static inline void nn_tanh_16(const struct nn_sigmoid_16 *l, const int16_t *input, int16_t *output) {
    nn_sigmoid_16(l, input, output, 8, 1 << 7, 8);
}
