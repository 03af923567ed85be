// Moves int8 activations about, and puts them into panels, which interleave two pixels, so that the step between words
// is 2.
//
// A wide panel holds int16 pairs in the order that SXTB16 leaves them: four bytes x0 x1 x2 x3 become the words (x0, x2)
// and (x1, x3), and the compiler orders weights alike. A narrow one holds the bytes as they are.
#pragma once
#include <stdint.h>
#include <string.h>

// Whether a word may be moved between any two addresses, or, as on Armv6-M, between multiples of 4 only.
#if defined(__arm__) && !defined(__ARM_FEATURE_UNALIGNED)
#define NN_WORD_AT(address) __builtin_assume_aligned(address, 4)
static inline int nn_by_words(const void *to, const void *from) { return (((uintptr_t)to | (uintptr_t)from) & 3) == 0; }
#else
#define NN_WORD_AT(address) (address)
static inline int nn_by_words(const void *to, const void *from) {
    (void)to;
    (void)from;
    return 1;
}
#endif

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

static inline int8_t *nn_fill(int8_t *to, uint32_t value, int32_t bytes) {
    if (nn_by_words(to, to))
        for (; bytes >= 4; bytes -= 4, to += 4) memcpy(NN_WORD_AT(to), &value, 4);
    for (; bytes > 0; bytes--) *to++ = (int8_t)value;
    return to;
}

static inline int8_t *nn_copy(int8_t *to, const int8_t *from, int32_t bytes) {
    if (nn_by_words(to, from))
        for (; bytes >= 4; bytes -= 4, to += 4, from += 4) memcpy(NN_WORD_AT(to), NN_WORD_AT(from), 4);
    for (; bytes > 0; bytes--) *to++ = *from++;
    return to;
}

// `bytes` is a multiple of 4 here too.
static inline uint32_t *nn_interleave(uint32_t *panel, const int8_t *input, uint32_t bytes) {
    const int8_t *const end = input + bytes;
    if (nn_by_words(panel, input)) {
#pragma GCC unroll 4
        for (; input != end; input += 4, panel += 2) memcpy(panel, NN_WORD_AT(input), 4);
    } else {
        for (; input != end; input += 4, panel += 2)
            for (int i = 0; i < 4; i++) ((int8_t *)panel)[i] = input[i];
    }
    return panel;
}

static inline uint32_t *nn_interleave_padding(uint32_t *panel, uint32_t padding, int32_t bytes) {
    for (; bytes > 0; bytes -= 4, panel += 2) panel[0] = padding;
    return panel;
}

static inline uint32_t *nn_interleave_pair(uint32_t *panel, const int8_t *first, const int8_t *second, uint32_t bytes) {
    if (!nn_by_words(first, second)) {
        (void)nn_interleave(panel, first, bytes);
        return nn_interleave(panel + 1, second, bytes) - 1;
    }
#pragma GCC unroll 4
    for (const int8_t *end = first + bytes; first != end; first += 4, second += 4, panel += 2) {
        memcpy(panel, NN_WORD_AT(first), 4);
        memcpy(panel + 1, NN_WORD_AT(second), 4);
    }
    return panel;
}
