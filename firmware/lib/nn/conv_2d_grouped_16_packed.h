// Grouped CONV_2D in 16x8 through packed inner products (matmul_16_2x2.h).
#pragma once
#include "conv_2d_grouped.h"
#include "matmul_16_2x2.h"

static void nn_conv_2d_grouped_16_packed(const struct nn_conv_2d_grouped *l, const int16_t *input, int16_t *output,
                                         uint32_t *scratch) {
    nn_conv_2d_grouped(l, (const int8_t *)input, (int8_t *)output, scratch, 0);
}
