// FULLY_CONNECTED through an inner product of one row of inputs with eight outputs at a time. It reads `unit` bytes of inputs at
// once, so up to the next multiple, where the weights are zero. The compiler gives `scratch` where that could leave the arena, and
// each row is copied there first.
#pragma once
#include "panel.h"

struct nn_fully_connected_rows {
    const uint32_t *stream;
    // Of a row and the stream to outputs: bytes of a row rounded up, octets of outputs.
    void (*matmul)(const int8_t *, const uint32_t *, int8_t *, uint32_t, uint32_t);
    // The same for pairs of the outputs beyond whole octets; NULL if they are one more octet.
    void (*pairs)(const int8_t *, const uint32_t *, int8_t *, uint32_t, uint32_t);
    int32_t batches, inputs, outputs;
    int32_t words; // of the stream, per octet of outputs
};

// `row` is what octets are computed of, `bytes` the int8 inputs that pairs are.
static inline void nn_fully_connected_row(const struct nn_fully_connected_rows *l, const int8_t *row, const int8_t *bytes,
                                          int8_t *output, uint32_t inputs) {
    const int32_t whole = l->outputs / 8, rest = l->outputs % 8;
    const uint32_t *const stream = l->stream + whole * l->words;
    int8_t last[8];
    if (whole) l->matmul(row, l->stream, output, inputs, (uint32_t)whole);
    if (rest == 0) return;
    if (l->pairs)
        l->pairs(bytes, stream, last, inputs, ((uint32_t)rest + 1) / 2);
    else
        l->matmul(row, stream, last, inputs, 1);
    (void)nn_copy(output + whole * 8, last, rest);
}

static inline void nn_fully_connected_rows(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                           int8_t *scratch, uint32_t unit) {
    const uint32_t padded = ((uint32_t)l->inputs + unit - 1) / unit * unit;
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs, output += l->outputs) {
        if (scratch) (void)nn_copy(scratch, input, l->inputs);
        const int8_t *const row = scratch ? scratch : input;
        nn_fully_connected_row(l, row, row, output, padded);
    }
}
