// MUL: the product of two differences to the zero points, requantised.
#pragma once
#include "broadcast.h"
#include "codes.h"
#include "requantise.h"

struct nn_mul {
    struct nn_requantisation output;
    struct nn_broadcast shape;
    int16_t zero_point[2];
};

__attribute__((always_inline)) static inline void nn_mul(const struct nn_mul *l, const void *a, const void *b, void *output,
                                                         int bits) {
    const int32_t length = l->shape.count[NN_BROADCAST_AXES - 1];
    const int32_t step_a = l->shape.step[0][NN_BROADCAST_AXES - 1], step_b = l->shape.step[1][NN_BROADCAST_AXES - 1];
    struct nn_walk walk = {0};
    int32_t out = 0;
    do {
        for (int32_t i = 0, at = walk.at[0], bt = walk.at[1]; i < length; i++, at += step_a, bt += step_b) {
            const int32_t first = nn_load(a, at, bits) - l->zero_point[0];
            const int32_t second = nn_load(b, bt, bits) - l->zero_point[1];
            nn_store(output, out++, nn_requantise_code(&l->output, 0, first * second), bits);
        }
    } while (nn_next_line(&l->shape, &walk));
}

static inline void nn_mul_8(const struct nn_mul *l, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_mul(l, a, b, output, 8);
}

static inline void nn_mul_16(const struct nn_mul *l, const int16_t *a, const int16_t *b, int16_t *output) {
    nn_mul(l, a, b, output, 16);
}
