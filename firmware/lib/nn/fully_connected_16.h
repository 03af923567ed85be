// FULLY_CONNECTED in 16x8, portable C: int16 activations of zero point 0, int8 weights.
#pragma once
#include "dot_16.h"
#include "requantise_16.h"

struct nn_fully_connected_16 {
    const int8_t *weights; // [output][input]
    const int64_t *bias;   // [output]
    struct nn_requantisation_16 output;
    int32_t batches, inputs, outputs;
    int16_t weights_zero_point;
};

static inline void nn_fully_connected_16(const struct nn_fully_connected_16 *l, const int16_t *input, int16_t *output) {
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs) {
        const int8_t *w = l->weights;
        int64_t of_zero_point = 0; // what the zero point of the weights takes off every output
        if (l->weights_zero_point != 0)
            for (int32_t i = 0; i < l->inputs; i++) of_zero_point += l->weights_zero_point * input[i];
        for (int32_t o = 0; o < l->outputs; o++, w += l->inputs) {
            const int64_t sum = l->bias[o] - of_zero_point + nn_dot_16(w, input, l->inputs);
            *output++ = nn_requantise_16(&l->output, (uint32_t)o, sum);
        }
    }
}
