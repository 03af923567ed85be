// PAD of up to four axes, the innermost last, whose sizes are in bytes: int16 is padded with zeros.
#pragma once
#include <stdint.h>
#include <string.h>

struct nn_pad {
    int32_t input[4];  // size of each axis
    int32_t before[4]; // padding before and after each axis
    int32_t after[4];
    int8_t value;
};

static void nn_pad(const struct nn_pad *l, const void *input, void *output) {
    const uint8_t *from = input;
    uint8_t *const to = output;
    int32_t size[4], stride = 1;
    int32_t strides[4];
    for (int axis = 3; axis >= 0; axis--) {
        size[axis] = l->before[axis] + l->input[axis] + l->after[axis];
        strides[axis] = stride;
        stride *= size[axis];
    }
    memset(output, (uint8_t)l->value, (size_t)stride);
    for (int32_t a = 0; a < l->input[0]; a++)
        for (int32_t b = 0; b < l->input[1]; b++)
            for (int32_t c = 0; c < l->input[2]; c++, from += l->input[3])
                memcpy(to + (a + l->before[0]) * strides[0] + (b + l->before[1]) * strides[1] +
                           (c + l->before[2]) * strides[2] + l->before[3],
                       from, (size_t)l->input[3]);
}
