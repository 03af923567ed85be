// Sum of products of int8 weights and int16 activations, exact in 64 bits.
#pragma once
#include "panel.h"

// Products whose sum fits 32 bits whatever they are: 256 * 128 * 32768 = 2^30.
enum { NN_DOT_BLOCK = 256 };

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
static inline int32_t nn_dot_of_four(const int8_t *weights, const int16_t *input, int32_t sum) {
    uint32_t w, first, second, even, odd;
    memcpy(&w, weights, 4);
    memcpy(&first, input, 4);
    memcpy(&second, input + 2, 4);
    __asm__("pkhbt %0,%1,%2,lsl #16" : "=r"(even) : "r"(first), "r"(second));
    __asm__("pkhtb %0,%1,%2,asr #16" : "=r"(odd) : "r"(second), "r"(first));
    __asm__("smlad %0,%1,%2,%0" : "+r"(sum) : "r"(nn_even_bytes(w)), "r"(even));
    __asm__("smlad %0,%1,%2,%0" : "+r"(sum) : "r"(nn_odd_bytes(w)), "r"(odd));
    return sum;
}
#else
static inline int32_t nn_dot_of_four(const int8_t *weights, const int16_t *input, int32_t sum) {
    for (int i = 0; i < 4; i++) sum += weights[i] * input[i];
    return sum;
}
#endif

__attribute__((noinline, unused)) static int64_t nn_dot_16(const int8_t *weights, const int16_t *input, int32_t count) {
    int64_t total = 0;
    while (count > 0) {
        const int32_t block = count < NN_DOT_BLOCK ? count : NN_DOT_BLOCK;
        int32_t sum = 0;
        for (const int8_t *const end = weights + block / 4 * 4; weights != end; weights += 4, input += 4)
            sum = nn_dot_of_four(weights, input, sum);
        for (int32_t rest = block % 4; rest > 0; rest--) sum += *weights++ * *input++;
        total += sum;
        count -= block;
    }
    return total;
}
