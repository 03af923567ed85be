// QUANTIZE between scales and types, and RELU and RELU6 in int16, with a short requantisation where the compiler has proven its
// bounds. Output code i may lie over input code i, or before it.
#pragma once
#include "codes.h"
#include "requantise.h"
#include "short_requantise_16.h"

struct nn_rescale_short {
    int32_t elements;
    int32_t multiplier;
    int32_t constant; // with the output's zero point, and half a unit where there is a right shift
    int16_t input_zero_point;
};

static inline int32_t nn_clamp_to_constants(int32_t value, int32_t minimum, int32_t maximum) {
    if (minimum == INT8_MIN && maximum == INT8_MAX) return nn_saturate_int8(value);
    if (maximum == INT16_MAX && (minimum == INT16_MIN || minimum == 0)) return nn_saturate_int16(value, minimum == 0);
    return nn_clamp(value, minimum, maximum);
}

// `left` goes before the product, `right` after it. Inlined into a function for each set of the last six, which are constant
// there.
__attribute__((always_inline)) static inline void nn_rescale_short(const struct nn_rescale_short *l, const void *input,
                                                                   void *output, int32_t left, int32_t right,
                                                                   int32_t minimum, int32_t maximum, int input_bits,
                                                                   int output_bits) {
    const int32_t zero_point = input_bits == 16 ? 0 : l->input_zero_point;
    const int32_t elements = l->elements, multiplier = l->multiplier, constant = l->constant;
#pragma GCC unroll 4
    for (int32_t i = 0; i < elements; i++) {
        const int32_t value = nn_load(input, i, input_bits) - zero_point;
        int32_t scaled = nn_high_product_rounded(value * (1 << left), multiplier, constant);
        if (right > 0) scaled = (scaled + (value >> 31)) >> right; // halves away from zero
        nn_store(output, i, nn_clamp_to_constants(scaled, minimum, maximum), output_bits);
    }
}
