// Moves int8 activations about, and puts them into panels, which interleave two pixels, so that the step between words is 2.
//
// A wide panel holds int16 pairs in the order that SXTB16 leaves them: four bytes x0 x1 x2 x3 become the words (x0, x2) and
// (x1, x3), and the compiler orders weights alike. A narrow one holds the bytes as they are.
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

static inline uint32_t *nn_widen_padding(uint32_t *panel, uint32_t padding, int32_t bytes) {
    const uint32_t pair = nn_even_bytes(padding);
    for (; bytes > 0; bytes -= 4, panel += 4) panel[0] = panel[2] = pair;
    return panel;
}

// Both pixels at once.
static inline uint32_t *nn_widen_pair(uint32_t *panel, const int8_t *first, const int8_t *second, uint32_t bytes) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define NN_WIDEN_WORDS                                                                                                 \
    "ldr r4,[%1],#4\n ldr r5,[%2],#4\n sxtb16 r6,r4,ror #8\n sxtb16 r8,r5,ror #8\n sxtb16 r4,r4\n sxtb16 r5,r5\n"     \
    "stm %0!,{r4,r5,r6,r8}\n"
    const int8_t *const end = first + bytes;
    __asm__ volatile("tst %4,#4\n beq 1f\n" NN_WIDEN_WORDS "cmp %1,%3\n beq 2f\n"
                     "1: " NN_WIDEN_WORDS NN_WIDEN_WORDS "cmp %1,%3\n bne 1b\n"
                     "2:\n"
                     : "+r"(panel), "+r"(first), "+r"(second)
                     : "r"(end), "r"(bytes)
                     : "r4", "r5", "r6", "r8", "cc", "memory");
    return panel;
#else
    (void)nn_widen(panel, first, bytes);
    return nn_widen(panel + 1, second, bytes) - 1;
#endif
}

// `bytes` is a multiple of 4 here too.
static inline uint32_t *nn_interleave(uint32_t *panel, const int8_t *input, uint32_t bytes) {
#pragma GCC unroll 4
    for (const int8_t *end = input + bytes; input != end; input += 4, panel += 2) memcpy(panel, input, 4);
    return panel;
}

static inline uint32_t *nn_interleave_padding(uint32_t *panel, uint32_t padding, int32_t bytes) {
    for (; bytes > 0; bytes -= 4, panel += 2) panel[0] = padding;
    return panel;
}

static inline uint32_t *nn_interleave_pair(uint32_t *panel, const int8_t *first, const int8_t *second, uint32_t bytes) {
#pragma GCC unroll 4
    for (const int8_t *end = first + bytes; first != end; first += 4, second += 4, panel += 2) {
        memcpy(panel, first, 4);
        memcpy(panel + 1, second, 4);
    }
    return panel;
}

static inline int8_t *nn_fill(int8_t *to, uint32_t value, int32_t bytes) {
    for (; bytes >= 4; bytes -= 4, to += 4) memcpy(to, &value, 4);
    for (; bytes > 0; bytes--) *to++ = (int8_t)value;
    return to;
}

static inline int8_t *nn_copy(int8_t *to, const int8_t *from, int32_t bytes) {
    for (; bytes >= 4; bytes -= 4, to += 4, from += 4) {
        uint32_t word;
        memcpy(&word, from, 4);
        memcpy(to, &word, 4);
    }
    for (; bytes > 0; bytes--) *to++ = *from++;
    return to;
}
