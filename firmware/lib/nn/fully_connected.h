// FULLY_CONNECTED in int8, portable C. Sums wrap at 32 bits.
#pragma once
#include "requantise.h"

struct nn_fully_connected {
    const int8_t *weights; // [output][input]
    const int32_t *bias;   // [output]
    struct nn_requantisation output;
    int32_t batches, inputs, outputs;
    int16_t input_zero_point, weights_zero_point;
};

static void nn_fully_connected(const struct nn_fully_connected *l, const int8_t *input, int8_t *output) {
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs) {
        const int8_t *w = l->weights;
        for (int32_t o = 0; o < l->outputs; o++) {
            uint32_t sum = (uint32_t)l->bias[o];
            for (int32_t i = 0; i < l->inputs; i++)
                sum += (uint32_t)((*w++ - l->weights_zero_point) * (input[i] - l->input_zero_point));
            *output++ = nn_requantise(&l->output, (uint32_t)o, (int32_t)sum);
        }
    }
}
