// MEAN in int8 over neighbouring axes: input [outer][count][inner] to output [outer][inner]. The division by `count` is
// part of the multiplier.
#pragma once
#include "requantise.h"

struct nn_mean {
    struct nn_requantisation output;
    int32_t outer, count, inner;
    int16_t input_zero_point;
};

static void nn_mean(const struct nn_mean *l, const int8_t *input, int8_t *output) {
    for (int32_t o = 0; o < l->outer; o++, input += l->count * l->inner) {
        for (int32_t i = 0; i < l->inner; i++) {
            int32_t sum = -l->input_zero_point * l->count;
            for (int32_t n = 0; n < l->count; n++) sum += input[n * l->inner + i];
            *output++ = nn_requantise(&l->output, 0, sum);
        }
    }
}
