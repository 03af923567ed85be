// MEAN over neighbouring axes: input [outer][count][inner] to output [outer][inner]. The division by `count` is
// part of the multiplier.
#pragma once
#include "codes.h"
#include "requantise.h"

struct nn_mean {
    struct nn_requantisation output;
    int32_t outer, count, inner;
    int16_t input_zero_point;
};

__attribute__((always_inline)) static inline void nn_mean(const struct nn_mean *l, const void *input, void *output,
                                                          int bits) {
    for (int32_t o = 0, start = 0, out = 0; o < l->outer; o++, start += l->count * l->inner) {
        for (int32_t i = start; i < start + l->inner; i++) {
            int32_t sum = -l->input_zero_point * l->count;
            for (int32_t n = 0; n < l->count; n++) sum += nn_load(input, n * l->inner + i, bits);
            nn_store(output, out++, nn_requantise_code(&l->output, 0, sum), bits);
        }
    }
}

static inline void nn_mean_8(const struct nn_mean *l, const int8_t *input, int8_t *output) {
    nn_mean(l, input, output, 8);
}

static inline void nn_mean_16(const struct nn_mean *l, const int16_t *input, int16_t *output) {
    nn_mean(l, input, output, 16);
}
