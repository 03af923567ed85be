// ADD and SUB: both operands are brought to a common scale with more bits, summed, and requantised.
#pragma once
#include "broadcast.h"
#include "codes.h"
#include "requantise.h"

enum { NN_ADD_HEADROOM_8 = 20, NN_ADD_HEADROOM_16 = 15 }; // left shift of the operands, as in TensorFlow Lite Micro

struct nn_add {
    struct nn_requantisation output;
    struct nn_broadcast shape;
    int32_t multiplier[2];
    int8_t shift[2];
    int16_t zero_point[2];
};

static inline int32_t nn_add_operand(const struct nn_add *l, int operand, int32_t code, int bits) {
    const int32_t value = (code - l->zero_point[operand]) * (1 << (bits == 16 ? NN_ADD_HEADROOM_16 : NN_ADD_HEADROOM_8));
    return nn_multiply(value, l->multiplier[operand], l->shift[operand]);
}

__attribute__((always_inline)) static inline void nn_add(const struct nn_add *l, const void *a, const void *b, void *output,
                                                         int sign, int bits) {
    const int32_t length = l->shape.count[NN_BROADCAST_AXES - 1];
    const int32_t step_a = l->shape.step[0][NN_BROADCAST_AXES - 1], step_b = l->shape.step[1][NN_BROADCAST_AXES - 1];
    struct nn_walk walk = {0};
    int32_t out = 0;
    do {
        for (int32_t i = 0, at = walk.at[0], bt = walk.at[1]; i < length; i++, at += step_a, bt += step_b) {
            const int32_t first = nn_add_operand(l, 0, nn_load(a, at, bits), bits);
            const int32_t second = nn_add_operand(l, 1, nn_load(b, bt, bits), bits);
            nn_store(output, out++, nn_requantise_code(&l->output, 0, first + sign * second), bits);
        }
    } while (nn_next_line(&l->shape, &walk));
}

static inline void nn_add_8(const struct nn_add *l, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_add(l, a, b, output, 1, 8);
}

static inline void nn_add_16(const struct nn_add *l, const int16_t *a, const int16_t *b, int16_t *output) {
    nn_add(l, a, b, output, 1, 16);
}

static inline void nn_sub_8(const struct nn_add *l, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_add(l, a, b, output, -1, 8);
}

static inline void nn_sub_16(const struct nn_add *l, const int16_t *a, const int16_t *b, int16_t *output) {
    nn_add(l, a, b, output, -1, 16);
}
