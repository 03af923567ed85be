// CONV_2D in 16x8 through packed inner products (matmul_16_2x2.h), two output pixels at a time. The panel takes int16 codes as
// bytes: all counts of channels are bytes here, and padding is 0.
#pragma once
#include "conv_2d_panel.h"
#include "matmul_16_2x2.h"

static void nn_conv_2d_16_packed(const struct nn_conv_2d_panel *l, const int16_t *input, int16_t *output, uint32_t *scratch) {
    nn_conv_2d_panel(l, (const int8_t *)input, (int8_t *)output, scratch, 0);
}
