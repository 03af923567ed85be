// DEPTHWISE_CONV_2D with SMLAD, which takes two neighbours of a row at once; depthwise_plane.h has the rest.
//
// A tap is a pair of weights in a word: two neighbouring columns, the last of an odd number paired with 0; or one column and 0
// where the kernel is dilated along its rows. Kernels of three columns and stride 1 have the pairs (0, 1) and (1, 2), one apart,
// for two outputs at a time. Weights and bias are scaled by what the requantisation wants: in int8 by 4 with a
// ReLU and by 2 without.
#pragma once
#include "depthwise_plane.h"
#include "short_requantise_16.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define NN_DUAL_MAC(name, instruction, a_first, a_second, b_first, b_second)                                           \
    static inline int32_t name(uint32_t a, uint32_t b, int32_t sum) {                                                  \
        int32_t result;                                                                                                \
        __asm__(instruction " %0,%1,%2,%3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));                                 \
        return result;                                                                                                 \
    }
#else
// `first` and `second` products, each of the lower (0) or upper (16) halves; -1 for no product.
#define NN_DUAL_MAC(name, instruction, a_first, a_second, b_first, b_second)                                           \
    static inline int32_t name(uint32_t a, uint32_t b, int32_t sum) {                                                  \
        uint32_t result = (uint32_t)sum + (uint32_t)((int16_t)(a >> (a_first)) * (int16_t)(b >> (b_first)));           \
        if ((a_second) >= 0) result += (uint32_t)((int16_t)(a >> ((a_second) & 31)) * (int16_t)(b >> ((b_second) & 31))); \
        return (int32_t)result;                                                                                        \
    }
#endif
NN_DUAL_MAC(nn_both, "smlad", 0, 16, 0, 16)
NN_DUAL_MAC(nn_lower_upper, "smlabt", 0, -1, 16, -1)
NN_DUAL_MAC(nn_upper_lower, "smlatb", 16, -1, 0, -1)

static inline uint32_t nn_two(const int16_t *at) {
    uint32_t pair;
    __builtin_memcpy(&pair, at, 4);
    return pair;
}

static inline void nn_depthwise_store(const struct nn_short *c, enum nn_form form, int32_t sum, int8_t *out) {
    if (form == NN_FORM_16 || form == NN_FORM_16_RELU)
        *(int16_t *)(void *)out = nn_saturate_int16(nn_once_rounded(c, sum), form == NN_FORM_16_RELU);
    else
        *out = form == NN_FORM_RELU ? nn_short_relu(c, sum) : nn_short_linear(c, sum);
}

// What keeps loads of the next row from moving up, where they would push the sums out of the registers.
static inline void nn_row_done(void) { __asm__ volatile("" ::: "memory"); }

// One line of outputs, of a kernel of three columns at stride 1. Two words hold the four inputs of two outputs; the second of them
// also begins the next two's.
__attribute__((always_inline)) static inline void nn_depthwise_neighbours(const struct nn_depthwise_shape *s,
                                                                          const uint32_t *weights, int32_t bias,
                                                                          const struct nn_short *c, const int16_t *at,
                                                                          int8_t *out) {
    const int32_t step = s->row_dilation * s->plane_columns, column = s->output_column_step;
    int32_t left = s->output_columns;
    for (; left >= 4; left -= 4, at += 4, out += 4 * column) {
        int32_t first = bias, second = bias, third = bias, fourth = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++) {
            const int16_t *const from = at + row * step;
            const uint32_t low = nn_two(from), middle = nn_two(from + 2), high = nn_two(from + 4);
            first = nn_lower_upper(middle, weights[2 * row + 1], nn_both(low, weights[2 * row], first));
            second = nn_both(middle, weights[2 * row + 1], nn_upper_lower(low, weights[2 * row], second));
            third = nn_lower_upper(high, weights[2 * row + 1], nn_both(middle, weights[2 * row], third));
            fourth = nn_both(high, weights[2 * row + 1], nn_upper_lower(middle, weights[2 * row], fourth));
            nn_row_done();
        }
        nn_depthwise_store(c, s->form, first, out);
        nn_depthwise_store(c, s->form, second, out + column);
        nn_depthwise_store(c, s->form, third, out + 2 * column);
        nn_depthwise_store(c, s->form, fourth, out + 3 * column);
    }
    for (; left > 0; left -= 2, at += 2, out += 2 * column) {
        int32_t sum = bias, next = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++) {
            const uint32_t low = nn_two(at + row * step), high = nn_two(at + row * step + 2);
            sum = nn_lower_upper(high, weights[2 * row + 1], nn_both(low, weights[2 * row], sum));
            next = nn_both(high, weights[2 * row + 1], nn_upper_lower(low, weights[2 * row], next));
        }
        nn_depthwise_store(c, s->form, sum, out);
        if (left > 1) nn_depthwise_store(c, s->form, next, out + column);
    }
}

// One line of outputs.
__attribute__((always_inline)) static inline void nn_depthwise_planar(const struct nn_depthwise_shape *s,
                                                                      const uint32_t *weights, int32_t bias,
                                                                      const struct nn_short *c, const int16_t *at,
                                                                      int8_t *out) {
    if (s->taps == 2 && s->tap_step == 1) {
        nn_depthwise_neighbours(s, weights, bias, c, at, out);
        return;
    }
    const int32_t step = s->row_dilation * s->plane_columns, stride = s->column_stride, column = s->output_column_step;
    int32_t left = s->output_columns;
    for (; left >= 4; left -= 4, at += 4 * stride, out += 4 * column) { // each weight that is loaded serves four outputs
        int32_t first = bias, second = bias, third = bias, fourth = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++) {
#pragma GCC unroll 8
            for (int32_t pair = 0; pair < s->taps; pair++) {
                const int16_t *const from = at + row * step + s->tap_step * pair;
                const uint32_t taps = weights[row * s->taps + pair];
                first = nn_both(nn_two(from), taps, first);
                second = nn_both(nn_two(from + stride), taps, second);
                third = nn_both(nn_two(from + 2 * stride), taps, third);
                fourth = nn_both(nn_two(from + 3 * stride), taps, fourth);
            }
            nn_row_done();
        }
        nn_depthwise_store(c, s->form, first, out);
        nn_depthwise_store(c, s->form, second, out + column);
        nn_depthwise_store(c, s->form, third, out + 2 * column);
        nn_depthwise_store(c, s->form, fourth, out + 3 * column);
    }
    for (; left > 0; left--, at += stride, out += column) {
        int32_t sum = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++)
#pragma GCC unroll 8
            for (int32_t pair = 0; pair < s->taps; pair++)
                sum = nn_both(nn_two(at + row * step + s->tap_step * pair), weights[row * s->taps + pair], sum);
        nn_depthwise_store(c, s->form, sum, out);
    }
}
