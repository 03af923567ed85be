// FULLY_CONNECTED through packed inner products, eight outputs at a time. Inputs are read by whole words, up to the next
// multiple of 4, where the weights are zero. Buffers end on whole words, so a single row may be read in place; of several rows
// that are no whole words each is copied to `scratch` first.
#pragma once
#include "matmul_1x8.h"
#include "panel.h"

struct nn_fully_connected_packed {
    const uint32_t *stream;
    void (*matmul)(const int8_t *, const uint32_t *, int8_t *, uint32_t, uint32_t);
    int32_t batches, inputs, outputs;
    int32_t words; // of the stream, per octet of outputs
};

static void nn_fully_connected_packed(const struct nn_fully_connected_packed *l, const int8_t *input, int8_t *output,
                                      int8_t *scratch) {
    const int32_t whole = l->outputs / 8, rest = l->outputs % 8;
    const uint32_t padded = ((uint32_t)l->inputs + 3) / 4 * 4;
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
