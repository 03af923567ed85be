// The inner product for one or two output channels beyond whole quads: two channels of two pixels, with the packing, the
// requantisation and the panel of matmul_2x4.h.
//
// The stream of words:
//     bias      256 * bias_a + bias_b, bias_b
//     weights   for each pair of inputs (i, j): {a,b packed}(i) | {a,b}(j) << 16
//     epilogue  m, C, S of a, then of b
#pragma once
#include "matmul_2x4.h"

// Two outputs are written to `first` and to `second`.
__attribute__((always_inline)) static inline void nn_matmul_2x2(const uint32_t *panel, const uint32_t *stream, int8_t *first,
                                                                int8_t *second, uint32_t bytes, int relu) {
    int32_t sum = (int32_t)stream[0], low = (int32_t)stream[1], next_sum = sum, next_low = low;
    stream += 2;
#pragma GCC unroll 8
    for (const uint32_t *const end = panel + bytes / 4; panel != end; panel += 2) {
        const uint32_t weights = *stream++, of_b = nn_sxtb16(weights);
        sum = nn_smlad(panel[0], weights, sum);
        low = nn_smlad(panel[0], of_b, low);
        next_sum = nn_smlad(panel[1], weights, next_sum);
        next_low = nn_smlad(panel[1], of_b, next_low);
    }
    nn_two_channels(sum, low, stream, first, relu);
    nn_two_channels(next_sum, next_low, stream, second, relu);
}

__attribute__((noinline, unused)) static void nn_matmul_2x2_relu(const uint32_t *panel, const uint32_t *stream, int8_t *first,
                                                                 int8_t *second, uint32_t bytes) {
    nn_matmul_2x2(panel, stream, first, second, bytes, 1);
}

__attribute__((noinline, unused)) static void nn_matmul_2x2_linear(const uint32_t *panel, const uint32_t *stream, int8_t *first,
                                                                   int8_t *second, uint32_t bytes) {
    nn_matmul_2x2(panel, stream, first, second, bytes, 0);
}
