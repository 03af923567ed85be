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

static inline int32_t nn_high_product_rounded(int32_t a, int32_t b) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    int32_t result;
    __asm__("smmulr %0,%1,%2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return nn_high_32_rounded(a, b);
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

// With a fused ReLU whose lower bound is the zero point; `scaled` is the accumulator times the power of two that the
// constants were made for.
static inline int8_t nn_short_relu(const struct nn_short *c, int32_t scaled) {
    return nn_saturate_int8(nn_high_product_plus(scaled, c->multiplier, c->constant) >> c->shift);
}

// Without an activation; `doubled` is twice the accumulator.
static inline int8_t nn_short_linear(const struct nn_short *c, int32_t doubled) {
    const int32_t high = nn_high_product_rounded(doubled, c->multiplier);
    return nn_saturate_int8((high + (high >> 31) + c->constant) >> c->shift);
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// The same for assembly, in place, with the multiplier in r8, the constant in r9 and the shift in r10.
#define NN_RELU(sum) "smmla " sum "," sum ",r8,r9\n asr " sum ",r10\n ssat " sum ",#8," sum "\n"
#define NN_LINEAR(sum)                                                                                                 \
    "smmulr " sum "," sum ",r8\n add " sum "," sum "," sum ",asr #31\n add " sum ",r9\n asr " sum ",r10\n"            \
    "ssat " sum ",#8," sum "\n"
#define NN_NOTHING(sum) ""
#endif
