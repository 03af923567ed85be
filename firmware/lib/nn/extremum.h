// MINIMUM and MAXIMUM of codes. Scales play no part: TensorFlow Lite Micro compares the codes as they are.
#pragma once
#include "broadcast.h"
#include "codes.h"

__attribute__((always_inline)) static inline void nn_extremum(const struct nn_broadcast *shape, const void *a, const void *b,
                                                              void *output, int maximum, int bits) {
    const int32_t length = shape->count[NN_BROADCAST_AXES - 1];
    const int32_t step_a = shape->step[0][NN_BROADCAST_AXES - 1], step_b = shape->step[1][NN_BROADCAST_AXES - 1];
    struct nn_walk walk = {0};
    int32_t out = 0;
    do {
        for (int32_t i = 0, at = walk.at[0], bt = walk.at[1]; i < length; i++, at += step_a, bt += step_b) {
            const int32_t first = nn_load(a, at, bits), second = nn_load(b, bt, bits);
            nn_store(output, out++, (first > second) == maximum ? first : second, bits);
        }
    } while (nn_next_line(shape, &walk));
}

static inline void nn_minimum_8(const struct nn_broadcast *shape, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_extremum(shape, a, b, output, 0, 8);
}

static inline void nn_minimum_16(const struct nn_broadcast *shape, const int16_t *a, const int16_t *b, int16_t *output) {
    nn_extremum(shape, a, b, output, 0, 16);
}

static inline void nn_maximum_8(const struct nn_broadcast *shape, const int8_t *a, const int8_t *b, int8_t *output) {
    nn_extremum(shape, a, b, output, 1, 8);
}

static inline void nn_maximum_16(const struct nn_broadcast *shape, const int16_t *a, const int16_t *b, int16_t *output) {
    nn_extremum(shape, a, b, output, 1, 16);
}
