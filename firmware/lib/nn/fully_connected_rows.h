// FULLY_CONNECTED through an inner product of one row of inputs with eight outputs at a time. It reads `unit` bytes of inputs at
// once, so up to the next multiple, where the weights are zero. The compiler gives `scratch` where that could leave the arena, and
// each row is copied there first.
#pragma once
#include "panel.h"

struct nn_fully_connected_rows {
    const uint32_t *stream;
    // Of a row and the stream to outputs: bytes of a row rounded up, octets of outputs.
    void (*matmul)(const int8_t *, const uint32_t *, int8_t *, uint32_t, uint32_t);
    int32_t batches, inputs, outputs;
    int32_t words; // of the stream, per octet of outputs
};

static inline void nn_fully_connected_rows(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                           int8_t *scratch, uint32_t unit) {
    const int32_t whole = l->outputs / 8, rest = l->outputs % 8;
    const uint32_t padded = ((uint32_t)l->inputs + unit - 1) / unit * unit;
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs, output += l->outputs) {
        const int8_t *row = input;
        if (scratch) {
            (void)nn_copy(scratch, input, l->inputs);
            row = scratch;
        }
        if (whole) l->matmul(row, l->stream, output, padded, (uint32_t)whole);
        if (rest) {
            int8_t last[8];
            l->matmul(row, l->stream + whole * l->words, last, padded, 1);
            (void)nn_copy(output + whole * 8, last, rest);
        }
    }
}
