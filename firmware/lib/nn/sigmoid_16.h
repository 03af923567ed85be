// LOGISTIC and TANH in int16: the sigmoid of the magnitude from one table, with linear interpolation between entries. Both
// are odd around their middle, and tanh(x) = 2 sigmoid(2 x) - 1.
#pragma once
#include <stdint.h>

struct nn_sigmoid_16 {
    const uint16_t *table; // sigmoid(i / 24) * 2^16, i = 0 .. 255; beyond it the result is saturated
    int32_t elements;
    int32_t multiplier; // brings a code to 1 / (3 * 4096), together with
    int8_t shift;       // a right shift with rounding
};

// Sigmoid of a magnitude whose whole table steps are the bits from `fraction` on, times 2^(16 + fraction).
static inline uint32_t nn_interpolate(const uint16_t *table, uint32_t magnitude, uint32_t fraction, uint32_t saturated) {
    const uint32_t step = magnitude >> fraction;
    if (step >= 255) return saturated;
    const uint32_t rest = magnitude & ((1u << fraction) - 1u);
    return ((uint32_t)table[step] << fraction) + rest * (uint32_t)(table[step + 1] - table[step]);
}

static inline int32_t nn_sigmoid_input(const struct nn_sigmoid_16 *l, int16_t code) {
    const int32_t half = l->shift > 0 ? 1 << (l->shift - 1) : 0;
    return (code * l->multiplier + half) >> l->shift;
}

static inline void nn_logistic_16(const struct nn_sigmoid_16 *l, const int16_t *input, int16_t *output) {
    for (int16_t *const end = output + l->elements; output != end;) {
        const int32_t value = nn_sigmoid_input(l, *input++);
        const uint32_t positive = nn_interpolate(l->table, (uint32_t)(value < 0 ? -value : value), 9, 0x7fffu << 10);
        const uint32_t result = value < 0 ? (1u << 25) - positive + (1u << 9) - 1u : positive + (1u << 9);
        *output++ = (int16_t)(result >> 10);
    }
}

static inline void nn_tanh_16(const struct nn_sigmoid_16 *l, const int16_t *input, int16_t *output) {
    for (int16_t *const end = output + l->elements; output != end;) {
        const int32_t value = nn_sigmoid_input(l, *input++);
        const int32_t positive = (int32_t)nn_interpolate(l->table, (uint32_t)(value < 0 ? -value : value), 8, 0xffffu << 8);
        const int32_t result = value < 0 ? (1 << 23) - positive + (1 << 7) - 1 : positive - (1 << 23) + (1 << 7);
        *output++ = (int16_t)(result >> 8);
    }
}
