// Requantisation with three constants a channel: short where the compiler has proven its bounds, otherwise the long one, which
// takes every int32 accumulator.
//     relu, linear   m, C, S of short_requantise.h, for accumulators scaled by 4 and by 2
//     long           multiplier, the zero point | lowest code << 8 | highest code << 16, shift
// 16x8 layers have m, C, S of short_requantise_16.h.
#pragma once
#include "requantise.h"
#include "short_requantise.h"

enum nn_form { NN_FORM_RELU, NN_FORM_LINEAR, NN_FORM_LONG, NN_FORM_16, NN_FORM_16_RELU };

static inline int8_t nn_output_form(enum nn_form form, const struct nn_short *c, int32_t sum) {
    if (form == NN_FORM_LONG) {
        const int32_t scaled = nn_multiply(sum, c->multiplier, c->shift);
        // Where a scale is extreme the sum wraps, in the reference too.
        const int32_t code = (int32_t)((uint32_t)scaled + (uint32_t)(int8_t)c->constant);
        return (int8_t)nn_clamp(code, (int8_t)(c->constant >> 8), (int8_t)(c->constant >> 16));
    }
    return form == NN_FORM_RELU ? nn_short_relu(c, sum * 4) : nn_short_linear(c, sum * 2);
}

// The three words at `words` of a stream.
static inline struct nn_short nn_constants(const uint32_t *words) {
    const struct nn_short constants = {(int32_t)words[0], (int32_t)words[1], (int32_t)words[2]};
    return constants;
}
