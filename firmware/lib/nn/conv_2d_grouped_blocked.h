// Grouped CONV_2D through blocked inner products (matmul_blocked.h).
#pragma once
#include "conv_2d_grouped.h"
#include "matmul_blocked.h"

static void nn_conv_2d_grouped_blocked(const struct nn_conv_2d_grouped *l, const int8_t *input, int8_t *output,
                                       uint32_t *scratch) {
    nn_conv_2d_grouped(l, input, output, scratch, 0);
}
