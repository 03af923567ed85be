// ADD in int8 with one table. The operand of the larger scale is brought to the common scale by a shift; what the other one
// becomes, both roundings included, is one of 256 values. The table also holds the first operand's zero point.
#pragma once
#include "short_requantise.h"

struct nn_add_table {
    const int32_t *table; // of the other operand's code, as an unsigned byte
    int32_t elements;
    struct nn_short output;
};

enum { NN_ADD_SHIFT_LINEAR = 20, NN_ADD_SHIFT_RELU = 21 }; // 19 of the common scale, and the requantisation's own

static inline void nn_add_table_linear(const struct nn_add_table *l, const int8_t *a, const int8_t *b, int8_t *output) {
    const struct nn_short c = l->output;
    const int32_t *const table = l->table;
#pragma GCC unroll 4
    for (int32_t i = 0; i < l->elements; i++)
        *output++ = nn_short_linear(&c, *a++ * (1 << NN_ADD_SHIFT_LINEAR) + table[(uint8_t)*b++]);
}

static inline void nn_add_table_relu(const struct nn_add_table *l, const int8_t *a, const int8_t *b, int8_t *output) {
    const struct nn_short c = l->output;
    const int32_t *const table = l->table;
#pragma GCC unroll 4
    for (int32_t i = 0; i < l->elements; i++)
        *output++ = nn_short_relu(&c, *a++ * (1 << NN_ADD_SHIFT_RELU) + table[(uint8_t)*b++]);
}
