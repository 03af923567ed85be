// CONV_2D through packed inner products (matmul_2x4.h), two output pixels at a time; matmul_2x2.h takes one or two channels
// beyond whole quads.
#pragma once
#include "conv_2d_panel.h"
#include "matmul_2x2.h"
#include "matmul_2x4.h"

static void nn_conv_2d_packed(const struct nn_conv_2d_panel *l, const int8_t *input, int8_t *output, uint32_t *scratch) {
    nn_conv_2d_panel(l, input, output, scratch, 1);
}
