// Moves codes without changing them: STRIDED_SLICE, SPLIT, TRANSPOSE and CONCATENATION. All sizes are in bytes, so the type
// of the codes does not matter. The compiler has merged all axes that it can.
#pragma once
#include <stdint.h>
#include <string.h>

enum { NN_COPY_AXES = 5 };

struct nn_strided_copy {
    int32_t count[NN_COPY_AXES]; // outermost first
    int32_t from[NN_COPY_AXES];  // steps of the input, negative ones too
    int32_t to[NN_COPY_AXES];    // steps of the output
    int32_t run;                 // bytes that lie side by side in both
};

// Along the innermost axis.
static inline void nn_copy_line(const struct nn_strided_copy *l, const uint8_t *from, uint8_t *to) {
    const int32_t count = l->count[NN_COPY_AXES - 1];
    const int32_t from_step = l->from[NN_COPY_AXES - 1], to_step = l->to[NN_COPY_AXES - 1];
    if (l->run == 1)
        for (int32_t i = 0; i < count; i++) to[i * to_step] = from[i * from_step];
    else if (l->run == 2)
        for (int32_t i = 0; i < count; i++) memcpy(to + i * to_step, from + i * from_step, 2);
    else
        for (int32_t i = 0; i < count; i++) memcpy(to + i * to_step, from + i * from_step, (size_t)l->run);
}

static inline void nn_strided_copy(const struct nn_strided_copy *l, const void *input, void *output) {
    const uint8_t *from = input;
    uint8_t *to = output;
    for (int32_t a = 0; a < l->count[0]; a++)
        for (int32_t b = 0; b < l->count[1]; b++)
            for (int32_t c = 0; c < l->count[2]; c++)
                for (int32_t d = 0; d < l->count[3]; d++)
                    nn_copy_line(l, from + a * l->from[0] + b * l->from[1] + c * l->from[2] + d * l->from[3],
                                 to + a * l->to[0] + b * l->to[1] + c * l->to[2] + d * l->to[3]);
}
