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

static inline int8_t nn_add_one(const int32_t *table, const struct nn_short *c, int32_t a, int8_t b, int relu) {
    const int32_t other = table[(uint8_t)b];
    return relu ? nn_short_relu(c, a * (1 << NN_ADD_SHIFT_RELU) + other)
                : nn_short_linear(c, a * (1 << NN_ADD_SHIFT_LINEAR) + other);
}

static inline void nn_add_table(const struct nn_add_table *l, const int8_t *a, const int8_t *b, int8_t *output, int relu) {
    const struct nn_short c = l->output;
    int32_t left = l->elements;
    for (; left >= 4; left -= 4, a += 4, b += 4, output += 4)
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) output[i] = nn_add_one(l->table, &c, a[i], b[i], relu);
    for (; left > 0; left--) *output++ = nn_add_one(l->table, &c, *a++, *b++, relu);
}

static inline void nn_add_table_linear(const struct nn_add_table *l, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_add_table(l, a, b, output, 0);
}

static inline void nn_add_table_relu(const struct nn_add_table *l, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_add_table(l, a, b, output, 1);
}
