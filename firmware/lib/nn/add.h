// ADD in int8: both inputs are brought to a common scale with 20 more bits, summed, and requantised.
#pragma once
#include "requantise.h"

enum { NN_ADD_HEADROOM = 20 }; // left shift of the inputs, as in TensorFlow Lite Micro

struct nn_add {
    struct nn_requantisation output;
    int32_t elements;
    int32_t multiplier[2];
    int8_t shift[2];
    int16_t zero_point[2];
};

static inline int32_t nn_add_operand(const struct nn_add *l, int operand, int8_t code) {
    const int32_t value = (code - l->zero_point[operand]) * (1 << NN_ADD_HEADROOM);
    return nn_multiply(value, l->multiplier[operand], l->shift[operand]);
}

static void nn_add(const struct nn_add *l, const int8_t *a, const int8_t *b, int8_t *output) {
    for (int32_t i = 0; i < l->elements; i++)
        output[i] = nn_requantise(&l->output, 0, nn_add_operand(l, 0, a[i]) + nn_add_operand(l, 1, b[i]));
}
