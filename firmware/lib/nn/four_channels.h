// Sums and maxima of four neighbouring int8 channels at once, over any number of pixels. With the DSP extension the sums are
// pairs of halfwords, which hold those of at most 256 pixels.
#pragma once
#include <stdint.h>
#include <string.h>

enum { NN_MOST_PIXELS = 256 }; // -128 * 256 is the least int16

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
enum { NN_FEWEST_PIXELS = 1 }; // for which this pays

struct nn_four_sums {
    uint32_t even, odd; // channels 0 and 2, 1 and 3
};

struct nn_four_maxima {
    uint32_t codes;
};

static inline void nn_add_four(struct nn_four_sums *sums, const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    __asm__("sxtab16 %0,%0,%1" : "+r"(sums->even) : "r"(word));
    __asm__("sxtab16 %0,%0,%1,ror #8" : "+r"(sums->odd) : "r"(word));
}

static inline int32_t nn_sum_of(const struct nn_four_sums *sums, int channel) {
    const uint32_t pair = channel % 2 == 0 ? sums->even : sums->odd;
    return channel < 2 ? (int16_t)pair : (int32_t)pair >> 16;
}

static inline void nn_raise_four(struct nn_four_maxima *maxima, const int8_t *at) {
    uint32_t word, difference;
    memcpy(&word, at, 4);
    __asm__("ssub8 %1,%2,%0\n sel %0,%2,%0" : "+r"(maxima->codes), "=&r"(difference) : "r"(word) : "cc");
}

static inline int32_t nn_maximum_of(const struct nn_four_maxima *maxima, int channel) {
    return (int8_t)(maxima->codes >> (8 * channel));
}

#define NN_LOWEST_FOUR {0x80808080u}
#else
#if defined(__thumb__) && !defined(__thumb2__)
enum { NN_FEWEST_PIXELS = NN_MOST_PIXELS + 1 }; // never: four sums take too many registers
#else
enum { NN_FEWEST_PIXELS = 6 };
#endif

struct nn_four_sums {
    int32_t of[4];
};

struct nn_four_maxima {
    int32_t of[4];
};

static inline void nn_add_four(struct nn_four_sums *sums, const int8_t *at) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) sums->of[i] += at[i];
}

static inline int32_t nn_sum_of(const struct nn_four_sums *sums, int channel) { return sums->of[channel]; }

static inline void nn_raise_four(struct nn_four_maxima *maxima, const int8_t *at) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        if (at[i] > maxima->of[i]) maxima->of[i] = at[i];
}

static inline int32_t nn_maximum_of(const struct nn_four_maxima *maxima, int channel) { return maxima->of[channel]; }

#define NN_LOWEST_FOUR {{INT8_MIN, INT8_MIN, INT8_MIN, INT8_MIN}}
#endif
