// Widens int8 activations to int16 pairs, in the order that SXTB16 leaves them: four bytes x0 x1 x2 x3 become the words
// (x0, x2) and (x1, x3). The compiler orders weights alike. A panel interleaves two pixels, so the step between words is 2.
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint32_t nn_even_bytes(uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    uint32_t result;
    __asm__("sxtb16 %0,%1" : "=r"(result) : "r"(word));
    return result;
#else
    return (uint16_t)(int8_t)word | (uint32_t)(uint16_t)(int8_t)(word >> 16) << 16;
#endif
}

static inline uint32_t nn_odd_bytes(uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    uint32_t result;
    __asm__("sxtb16 %0,%1,ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return nn_even_bytes(word >> 8);
#endif
}

// `bytes` is a multiple of 4; returns the panel's next word.
static inline uint32_t *nn_widen(uint32_t *panel, const int8_t *input, uint32_t bytes) {
    for (const int8_t *end = input + bytes; input != end; input += 4, panel += 4) {
        uint32_t word;
        memcpy(&word, input, 4);
        panel[0] = nn_even_bytes(word);
        panel[2] = nn_odd_bytes(word);
    }
    return panel;
}

static inline uint32_t *nn_widen_pair(uint32_t *panel, const int8_t *first, const int8_t *second, uint32_t bytes) {
    for (const int8_t *end = first + bytes; first != end; first += 4, second += 4, panel += 4) {
        uint32_t a, b;
        memcpy(&a, first, 4);
        memcpy(&b, second, 4);
        panel[0] = nn_even_bytes(a);
        panel[1] = nn_even_bytes(b);
        panel[2] = nn_odd_bytes(a);
        panel[3] = nn_odd_bytes(b);
    }
    return panel;
}
