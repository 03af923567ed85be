// The inner product for the few outputs that packed fully connected layers have beyond whole octets: two at a time, with the
// packing and the requantisation of matmul_2x4.h.
//
// The stream of words, per pair of outputs a, b:
//     bias      256 * bias_a + bias_b, bias_b
//     weights   for each pair of inputs (i, j): {a,b packed}(i) | {a,b}(j) << 16; the inputs of a word are paired (0, 2) and
//               (1, 3), as SXTB16 leaves them
//     epilogue  m, C, S of either output
#pragma once
#include "matmul_2x4.h"
#include "panel.h"

// `inputs` is a multiple of 4; 2 * pairs outputs are written.
__attribute__((always_inline)) static inline void nn_matmul_1x2(const int8_t *input, const uint32_t *stream, int8_t *output,
                                                                uint32_t inputs, uint32_t pairs, int relu) {
    for (; pairs > 0; pairs--, output += 2) {
        int32_t sum = (int32_t)stream[0], low = (int32_t)stream[1];
        stream += 2;
#pragma GCC unroll 4
        for (const int8_t *x = input; x != input + inputs; x += 4, stream += 2) {
            uint32_t word;
            memcpy(&word, x, 4);
            const uint32_t even = nn_even_bytes(word), odd = nn_odd_bytes(word);
            sum = nn_smlad(odd, stream[1], nn_smlad(even, stream[0], sum));
            low = nn_smlad(odd, nn_even_bytes(stream[1]), nn_smlad(even, nn_even_bytes(stream[0]), low));
        }
        nn_two_channels(sum, low, stream, output, relu);
        stream += 6;
    }
}

__attribute__((noinline, unused)) static void nn_matmul_1x2_relu(const int8_t *input, const uint32_t *stream, int8_t *output,
                                                                 uint32_t inputs, uint32_t pairs) {
    nn_matmul_1x2(input, stream, output, inputs, pairs, 1);
}

__attribute__((noinline, unused)) static void nn_matmul_1x2_linear(const int8_t *input, const uint32_t *stream, int8_t *output,
                                                                   uint32_t inputs, uint32_t pairs) {
    nn_matmul_1x2(input, stream, output, inputs, pairs, 0);
}
