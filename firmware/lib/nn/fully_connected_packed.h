// FULLY_CONNECTED through packed inner products (matmul_1x8.h), and the outputs beyond whole octets in pairs where they are few
// (matmul_1x2.h).
#pragma once
#include "fully_connected_rows.h"
#include "matmul_1x2.h"
#include "matmul_1x8.h"

static void nn_fully_connected_packed(const struct nn_fully_connected_rows *l, const int8_t *input, int8_t *output,
                                      int8_t *scratch) {
    nn_fully_connected_rows(l, input, output, scratch, 4);
}
