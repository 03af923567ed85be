// Two 16-bit products at once, and the widening that feeds them: single instructions of the DSP extension.
#pragma once
#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
static inline int32_t nn_smlad(uint32_t a, uint32_t b, int32_t sum) {
    int32_t result;
    __asm__("smlad %0,%1,%2,%3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

// Bytes 0 and 2, widened.
static inline uint32_t nn_sxtb16(uint32_t a) {
    uint32_t result;
    __asm__("sxtb16 %0,%1" : "=r"(result) : "r"(a));
    return result;
}
#else
static inline int32_t nn_smlad(uint32_t a, uint32_t b, int32_t sum) {
    return (int32_t)((uint32_t)sum + (uint32_t)((int16_t)a * (int16_t)b) + (uint32_t)((int16_t)(a >> 16) * (int16_t)(b >> 16)));
}

static inline uint32_t nn_sxtb16(uint32_t a) {
    return (uint16_t)(int8_t)a | (uint32_t)(uint16_t)(int8_t)(a >> 16) << 16;
}
#endif
