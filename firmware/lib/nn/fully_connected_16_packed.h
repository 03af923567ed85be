// FULLY_CONNECTED in 16x8 through packed inner products (matmul_16_1x4.h). They read four inputs at once, so up to the next
// multiple, where the weights are zero, and by words: the compiler gives `scratch` where rows do not begin or end so, and each
// row is copied there first.
#pragma once
#include "matmul_16_1x4.h"
#include "panel.h"

struct nn_fully_connected_16_packed {
    const uint32_t *stream;
    // Of a row and the stream to outputs: inputs rounded up to a multiple of 4, quads of outputs.
    void (*matmul)(const int16_t *, const uint32_t *, int16_t *, uint32_t, uint32_t);
    int32_t batches, inputs, outputs;
};

static inline void nn_fully_connected_16_packed(const struct nn_fully_connected_16_packed *l, const int16_t *input,
                                                int16_t *output, int16_t *scratch) {
    const int32_t whole = l->outputs / 4, rest = l->outputs % 4;
    const int32_t padded = (l->inputs + 3) / 4 * 4;
    for (int32_t b = 0; b < l->batches; b++, input += l->inputs, output += l->outputs) {
        const int16_t *row = input;
        if (scratch) {
            (void)nn_copy((int8_t *)scratch, (const int8_t *)input, 2 * l->inputs);
            row = scratch;
        }
        if (whole) l->matmul(row, l->stream, output, (uint32_t)padded, (uint32_t)whole);
        if (rest) {
            int16_t last[4];
            l->matmul(row, l->stream + whole * (18 + padded), last, (uint32_t)padded, 1);
            (void)nn_copy((int8_t *)(output + 4 * whole), (const int8_t *)last, 2 * rest);
        }
    }
}
