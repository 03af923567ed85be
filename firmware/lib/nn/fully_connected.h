// FULLY_CONNECTED in int8, portable C. Sums wrap at 32 bits.
#pragma once
#include "dot_8.h"
#include "requantise.h"

struct nn_fully_connected {
    const int8_t *weights; // [output][input]
    const int32_t *bias;   // [output]
    struct nn_requantisation output;
    int32_t batches, inputs, outputs;
    int16_t input_zero_point, weights_zero_point;
};

static inline void nn_fully_connected(const struct nn_fully_connected *l, const int8_t *input, int8_t *output) {
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs) {
        const int8_t *w = l->weights;
        uint32_t of_zero_point = 0; // what the zero point of the weights takes off every output
        if (l->weights_zero_point != 0)
            for (int32_t i = 0; i < l->inputs; i++)
                of_zero_point += (uint32_t)(l->weights_zero_point * (input[i] - l->input_zero_point));
        for (int32_t o = 0; o < l->outputs; o++, w += l->inputs) {
            const uint32_t sum = nn_dot_8(w, input, l->inputs, l->input_zero_point) - of_zero_point;
            *output++ = nn_requantise(&l->output, (uint32_t)o, (int32_t)((uint32_t)l->bias[o] + sum));
        }
    }
}
