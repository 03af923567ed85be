// Requantisation in three to six instructions, exact where the compiler has proven its bounds (matmul_2x4.h explains it).
#pragma once
#include "product.h"

struct nn_short {
    int32_t multiplier;
    int32_t constant;
    int32_t shift;
};

static inline int32_t nn_high_product_plus(int32_t a, int32_t b, int32_t addend) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    int32_t result;
    __asm__("smmla %0,%1,%2,%3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
    return result;
#else
    return nn_high_32(a, b) + addend;
#endif
}

// Rounded half up.
static inline int32_t nn_high_product_rounded(int32_t a, int32_t b, int32_t addend) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    int32_t result;
    __asm__("smmlar %0,%1,%2,%3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
    return result;
#else
    return nn_high_32_rounded(a, b) + addend;
#endif
}

static inline int8_t nn_saturate_int8(int32_t value) {
#if defined(__ARM_FEATURE_SAT) && __ARM_FEATURE_SAT
    int32_t result;
    __asm__("ssat %0,#8,%1" : "=r"(result) : "r"(value));
    return (int8_t)result;
#else
    return (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
#endif
}

// The same after a right shift by a constant of 1 .. 31, which an optimising compiler gives to the one instruction.
__attribute__((always_inline)) static inline int8_t nn_shift_to_int8(int32_t value, int32_t shift) {
#if defined(__ARM_FEATURE_SAT) && __ARM_FEATURE_SAT && defined(__OPTIMIZE__)
    int32_t result;
    __asm__("ssat %0,#8,%1,asr %2" : "=r"(result) : "r"(value), "i"(shift));
    return (int8_t)result;
#else
    return nn_saturate_int8(value >> shift);
#endif
}

// With a fused ReLU whose lower bound is the zero point; `scaled` is the accumulator times the power of two that the
// constants were made for.
static inline int8_t nn_short_relu(const struct nn_short *c, int32_t scaled) {
    return nn_saturate_int8(nn_high_product_plus(scaled, c->multiplier, c->constant) >> c->shift);
}

// Without an activation; `doubled` is twice the accumulator. What is taken off negative results rounds their halves away from
// zero; where only the first rounding brings a result to 0, the shift drops it.
static inline int8_t nn_short_linear(const struct nn_short *c, int32_t doubled) {
    const int32_t rounded = nn_high_product_rounded(doubled, c->multiplier, c->constant);
    return nn_saturate_int8((rounded + (doubled >> 31)) >> c->shift);
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// The same for assembly, in place, with the multiplier in r8, the constant in r9 and the shift in r10; `spare` is a free register.
#define NN_RELU(sum) "smmla " sum "," sum ",r8,r9\n asr " sum ",r10\n ssat " sum ",#8," sum "\n"
#define NN_LINEAR_BY(sum, spare)                                                                                       \
    "smmlar " spare "," sum ",r8,r9\n add " sum "," spare "," sum ",asr #31\n asr " sum ",r10\n ssat " sum ",#8," sum "\n"
#define NN_LINEAR(sum) NN_LINEAR_BY(sum, "r12")
#define NN_NOTHING(sum) ""
#endif
