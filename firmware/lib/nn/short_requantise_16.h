// Requantisation of 16x8 layers in three to five instructions, exact for the accumulators of 32 bits that the compiler has proven.
//
// int64 bias: one rounding, (acc * multiplier + 2^(shift - 1)) >> shift with a multiplier of 15 bits (requantise_16.h), is
//     (high32(acc * m) + C) >> S,   m = multiplier << 16, S = shift - 16, C = 2^(S - 1)
// int32 bias: two roundings, of twice the accumulator, as in nn_short_linear.
#pragma once
#include "short_requantise.h"

static inline int32_t nn_once_rounded(const struct nn_short *c, int32_t sum) {
    return nn_high_product_plus(sum, c->multiplier, c->constant) >> c->shift;
}

static inline int32_t nn_twice_rounded(const struct nn_short *c, int32_t sum) {
    const int32_t doubled = (int32_t)((uint32_t)sum * 2u);
    return (nn_high_product_rounded(doubled, c->multiplier, c->constant) + (doubled >> 31)) >> c->shift;
}

// To all codes, or with a fused ReLU to the positive ones.
static inline int16_t nn_saturate_int16(int32_t value, int positive) {
    int32_t result;
#if defined(__ARM_FEATURE_SAT) && __ARM_FEATURE_SAT
    if (positive)
        __asm__("usat %0,#15,%1" : "=r"(result) : "r"(value));
    else
        __asm__("ssat %0,#16,%1" : "=r"(result) : "r"(value));
#else
    const int32_t lowest = positive ? 0 : INT16_MIN;
    result = value < lowest ? lowest : value > INT16_MAX ? INT16_MAX : value;
#endif
    return (int16_t)result;
}

// The same after a right shift by a constant of 1 .. 31, which an optimising compiler gives to the one instruction.
__attribute__((always_inline)) static inline int16_t nn_shift_to_int16(int32_t value, int32_t shift, int positive) {
#if defined(__ARM_FEATURE_SAT) && __ARM_FEATURE_SAT && defined(__OPTIMIZE__)
    int32_t result;
    if (positive)
        __asm__("usat %0,#15,%1,asr %2" : "=r"(result) : "r"(value), "i"(shift));
    else
        __asm__("ssat %0,#16,%1,asr %2" : "=r"(result) : "r"(value), "i"(shift));
    return (int16_t)result;
#else
    return nn_saturate_int16(value >> shift, positive);
#endif
}
