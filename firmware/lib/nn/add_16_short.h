// ADD and SUB in int16 with short requantisations, where the compiler has proven their bounds. Both operands are brought to a
// common scale with 14 bits more. That is a mere shift for the one of the larger scale; the other one is rescaled by
// multiplier * 2^-(31 + right), rounded twice, halves away from zero, unless its scale is the same.
#pragma once
#include "repeat.h"
#include "short_requantise_16.h"

struct nn_add_16_short {
    struct nn_repeat shape;
    int32_t multiplier; // of the rescaled operand
    int32_t constant;   // in the place of an operand that is one constant, twice what it is on the common scale
    struct nn_short output;
};

static inline int32_t nn_to_common_scale(int32_t code, int32_t multiplier, int32_t right) {
    if (right == 0) return code * (1 << 14);
    return (nn_high_product_rounded(code * (1 << 16), multiplier, 1 << (right - 1)) + (code >> 31)) >> right;
}

// `shifted` and `scaled` are the operands, NULL in the place of a constant. The signs are 1 or -1; `shift` is the output's.
// Inlined into a function for each set of the last five, which are constant there.
__attribute__((always_inline)) static inline void nn_add_16_short(const struct nn_add_16_short *l, const int16_t *shifted,
                                                                  const int16_t *scaled, int16_t *output, int32_t sign_shifted,
                                                                  int32_t sign_scaled, int32_t right, int32_t shift,
                                                                  int positive) {
    const struct nn_short c = {l->output.multiplier, 1 << (shift - 1), shift};
    const int32_t multiplier = l->multiplier, constant = l->constant;
    for (int32_t line = 0; line < l->shape.lines; line++) {
        const int16_t *a = shifted, *b = scaled;
#pragma GCC unroll 4
        for (int16_t *const end = output + l->shape.length; output != end;) {
            // Twice the sum, as the rounding wants it.
            const int32_t first = shifted ? *a++ * (sign_shifted * (1 << 15)) : constant;
            const int32_t second = scaled ? 2 * sign_scaled * nn_to_common_scale(*b++, multiplier, right) : constant;
            const int32_t sum = first + second;
            const int32_t rounded = nn_high_product_rounded(sum, c.multiplier, c.constant) + (sum >> 31);
            *output++ = nn_shift_to_int16(rounded, shift, positive);
        }
        if (shifted) shifted += l->shape.step[0];
        if (scaled) scaled += l->shape.step[1];
    }
}
