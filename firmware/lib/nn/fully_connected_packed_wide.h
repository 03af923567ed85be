// FULLY_CONNECTED as in fully_connected_packed.h, each row of inputs widened once, not for every octet of outputs. The inputs are
// a multiple of 4; `scratch` is for a widened row.
#pragma once
#include "fully_connected_rows.h"
#include "matmul_1x2.h"
#include "matmul_1x8.h"

static inline void nn_fully_connected_packed_wide(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                                  uint32_t *scratch) {
    for (int32_t b = 0; b < l->batches; b++, output += l->outputs) {
        uint32_t *to = scratch;
#pragma GCC unroll 4
        for (const int8_t *const end = input + l->inputs; input != end; input += 4, to += 2) {
            uint32_t word;
            memcpy(&word, input, 4);
            to[0] = nn_even_bytes(word);
            to[1] = nn_odd_bytes(word);
        }
        nn_fully_connected_row(l, (const int8_t *)scratch, input - l->inputs, output, (uint32_t)l->inputs);
    }
}
