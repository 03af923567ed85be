// MEAN over neighbouring axes: input [outer][count][inner] to output [outer][inner]. The division by `count` is
// part of the multiplier.
#pragma once
#include "codes.h"
#include "four_channels.h"
#include "requantise.h"

struct nn_mean {
    struct nn_requantisation output;
    int32_t outer, count, inner;
    int16_t input_zero_point;
};

// Sums of four neighbouring codes, over `count` lines `step` apart.
static inline void nn_mean_sums(const int8_t *at, int32_t step, int32_t count, int32_t *sums) {
    for (int32_t left = count; left > 0; left -= NN_MOST_PIXELS) {
        struct nn_four_sums part = {0};
#pragma GCC unroll 4
        for (int32_t n = left < NN_MOST_PIXELS ? left : NN_MOST_PIXELS; n > 0; n--, at += step) nn_add_four(&part, at);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) sums[i] += nn_sum_of(&part, i);
    }
}

__attribute__((always_inline)) static inline void nn_mean(const struct nn_mean *l, const void *input, void *output,
                                                          int bits) {
    const int32_t fours = bits == 8 ? l->inner / 4 * 4 : 0; // taken four at once
    for (int32_t o = 0, start = 0, out = 0; o < l->outer; o++, start += l->count * l->inner, out += l->inner) {
        for (int32_t i = 0; i < fours; i += 4) {
            int32_t sums[4] = {0};
            nn_mean_sums((const int8_t *)input + start + i, l->inner, l->count, sums);
            for (int n = 0; n < 4; n++) {
                const int32_t sum = sums[n] - l->input_zero_point * l->count;
                nn_store(output, out + i + n, nn_requantise_code(&l->output, 0, sum), bits);
            }
        }
        for (int32_t i = fours; i < l->inner; i++) {
            int32_t sum = -l->input_zero_point * l->count;
            for (int32_t n = 0; n < l->count; n++) sum += nn_load(input, start + n * l->inner + i, bits);
            nn_store(output, out + i, nn_requantise_code(&l->output, 0, sum), bits);
        }
    }
}

static inline void nn_mean_8(const struct nn_mean *l, const int8_t *input, int8_t *output) {
    nn_mean(l, input, output, 8);
}

static inline void nn_mean_16(const struct nn_mean *l, const int16_t *input, int16_t *output) {
    nn_mean(l, input, output, 16);
}
