// MUL with a short requantisation, where the compiler has proven its bounds.
#pragma once
#include "codes.h"
#include "repeat.h"
#include "short_requantise_16.h"

struct nn_mul_short {
    struct nn_repeat shape;
    int32_t zero_point[2];
    int32_t constant; // in the place of the second operand, twice its difference to the zero point
    struct nn_short output;
};

static inline int32_t nn_doubled(int32_t value) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    int32_t result;
    __asm__("qadd %0,%1,%1" : "=r"(result) : "r"(value));
    return result;
#else
    return value == 1 << 30 ? INT32_MAX : value * 2; // no product is larger
#endif
}

// `b` is NULL in the place of a constant. Inlined into a function for each set of the last three, which are constant there.
__attribute__((always_inline)) static inline void nn_mul_short(const struct nn_mul_short *l, const void *a, const void *b,
                                                               void *output, int32_t shift, int positive, int bits) {
    const int32_t multiplier = l->output.multiplier, addend = l->output.constant;
    const int32_t zero_a = bits == 16 ? 0 : l->zero_point[0], zero_b = bits == 16 ? 0 : l->zero_point[1];
    const int32_t length = l->shape.length;
    int32_t from_a = 0, from_b = 0, to = 0;
    for (int32_t line = 0; line < l->shape.lines; line++, from_a += l->shape.step[0], from_b += l->shape.step[1], to += length) {
        const void *const at = bits == 16 ? (const void *)((const int16_t *)a + from_a) : (const int8_t *)a + from_a;
        const void *const bt = bits == 16 ? (const void *)((const int16_t *)b + from_b) : (const int8_t *)b + from_b;
        void *const out = bits == 16 ? (void *)((int16_t *)output + to) : (int8_t *)output + to;
#pragma GCC unroll 4
        for (int32_t i = 0; i < length; i++) {
            const int32_t first = nn_load(at, i, bits) - zero_a;
            const int32_t doubled = b ? nn_doubled(first * (nn_load(bt, i, bits) - zero_b)) : first * l->constant;
            const int32_t rounded = nn_high_product_rounded(doubled, multiplier, addend) + (doubled >> 31);
            if (bits == 16)
                nn_store(out, i, nn_shift_to_int16(rounded, shift, positive), bits);
            else
                nn_store(out, i, nn_shift_to_int8(rounded, shift), bits);
        }
    }
}
