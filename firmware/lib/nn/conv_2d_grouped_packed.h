// Grouped CONV_2D through packed inner products (matmul_2x4.h).
#pragma once
#include "conv_2d_grouped.h"
#include "matmul_2x4.h"

static void nn_conv_2d_grouped_packed(const struct nn_conv_2d_grouped *l, const int8_t *input, int8_t *output,
                                      uint32_t *scratch) {
    nn_conv_2d_grouped(l, input, output, scratch, 1);
}
