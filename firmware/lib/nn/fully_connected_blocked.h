// FULLY_CONNECTED through blocked inner products (matmul_blocked.h).
#pragma once
#include "fully_connected_rows.h"
#include "matmul_blocked.h"

static void nn_fully_connected_blocked(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                       int8_t *scratch) {
    nn_fully_connected_rows(l, input, output, scratch, 8);
}
