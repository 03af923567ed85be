// Sum of products of int8 weights and int8 activations less their zero point. It wraps at 32 bits.
#pragma once
#include <stdint.h>

__attribute__((noinline, unused)) static uint32_t nn_dot_8(const int8_t *weights, const int8_t *input, int32_t count,
                                                           int32_t zero_point) {
    uint32_t sum = 0;
    for (const int8_t *const end = input + count / 4 * 4; input != end; weights += 4, input += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) sum += (uint32_t)(weights[i] * (input[i] - zero_point));
    for (int32_t rest = count % 4; rest > 0; rest--) sum += (uint32_t)(*weights++ * (*input++ - zero_point));
    return sum;
}
