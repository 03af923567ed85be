// CONV_2D through inner products with unsigned weights (matmul_unsigned.h), two output pixels at a time.
#pragma once
#include "conv_2d_panel.h"
#include "matmul_unsigned.h"

static void nn_conv_2d_unsigned(const struct nn_conv_2d_panel *l, const int8_t *input, int8_t *output,
                                uint32_t *scratch) {
    nn_conv_2d_panel(l, input, output, scratch, 0);
}
