// FULLY_CONNECTED through inner products with unsigned weights (matmul_unsigned.h).
#pragma once
#include "fully_connected_rows.h"
#include "matmul_unsigned.h"

static void nn_fully_connected_unsigned(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                        int8_t *scratch) {
    nn_fully_connected_rows(l, input, output, scratch, 8);
}
