// QUANTIZE between scales and types, and RELU and RELU6 in int16, which are the same arithmetic with other bounds. Output
// code i may lie over input code i, or before it.
#pragma once
#include "codes.h"
#include "requantise.h"

struct nn_rescale {
    struct nn_requantisation output;
    int32_t elements;
    int16_t input_zero_point;
};

__attribute__((always_inline)) static inline void nn_rescale(const struct nn_rescale *l, const void *input, void *output,
                                                             int input_bits, int output_bits) {
    for (int32_t i = 0; i < l->elements; i++) {
        const int32_t value = nn_load(input, i, input_bits) - l->input_zero_point;
        nn_store(output, i, nn_requantise_code(&l->output, 0, value), output_bits);
    }
}

static inline void nn_rescale_8_16(const struct nn_rescale *l, const int8_t *input, int16_t *output) {
    nn_rescale(l, input, output, 8, 16);
}

static inline void nn_rescale_16_8(const struct nn_rescale *l, const int16_t *input, int8_t *output) {
    nn_rescale(l, input, output, 16, 8);
}

static inline void nn_rescale_16_16(const struct nn_rescale *l, const int16_t *input, int16_t *output) {
    nn_rescale(l, input, output, 16, 16);
}
