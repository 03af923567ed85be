// DEPTHWISE_CONV_2D one channel at a time. The channel is widened into a plane of int16 that is padded with the zero point,
// so that SMLAD takes two neighbours of a row at once and no border needs a test; the zero point is folded into the bias.
// The plane holds all that is read of a channel, so an output of the same shape may overwrite the input.
//
// Rows are the axis along which pairs are formed: the compiler swaps both axes where the kernel is only one column wide, and
// gives the distances in bytes between neighbours along either axis.
//
// The stream of words, per output channel: for each kernel row its columns in pairs, an odd last one paired with 0; then
// bias, m, C, S of matmul_2x4.h. Weights and bias are scaled by what the requantisation wants, 4 with a ReLU and 2 without.
#pragma once
#include "short_requantise.h"

struct nn_depthwise_shape {
    int32_t channels, multiplier; // input channels, and outputs for each of them
    int32_t input_rows, input_columns, input_row_step, input_column_step;
    int32_t output_rows, output_columns, output_row_step, output_column_step;
    int32_t kernel_rows, kernel_columns, row_stride, column_stride;
    int32_t plane_rows, plane_columns, pad_rows, pad_columns; // the plane with its padding, and what precedes the image
    int32_t zero_point, relu;
};

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

static inline void nn_depthwise_store(const struct nn_short *c, int32_t relu, int32_t sum, int8_t *out) {
    *out = relu ? nn_short_relu(c, sum) : nn_short_linear(c, sum);
}

enum { NN_DEPTHWISE_KERNEL = 32 }; // most words of weights that may lie in registers or on the stack

// One line of outputs. Two at a time for kernels of three columns: both share the four inputs that two words hold.
__attribute__((always_inline)) static inline void nn_depthwise_line(const struct nn_depthwise_shape *s,
                                                                    const uint32_t *weights, int32_t bias,
                                                                    const struct nn_short *c, const int16_t *at,
                                                                    int8_t *out) {
    const int32_t pairs = (s->kernel_columns + 1) / 2;
    int32_t left = s->output_columns;
    if (s->kernel_columns == 3 && s->column_stride == 1) {
        for (; left >= 2; left -= 2, at += 2, out += 2 * s->output_column_step) {
            int32_t sum = bias, next = bias;
#pragma GCC unroll 8
            for (int32_t row = 0; row < s->kernel_rows; row++) { // weights {0, 1} and {1, 2} of the row
                const uint32_t low = nn_two(at + row * s->plane_columns), high = nn_two(at + row * s->plane_columns + 2);
                sum = nn_lower_upper(high, weights[2 * row + 1], nn_both(low, weights[2 * row], sum));
                next = nn_both(high, weights[2 * row + 1], nn_upper_lower(low, weights[2 * row], next));
            }
            nn_depthwise_store(c, s->relu, sum, out);
            nn_depthwise_store(c, s->relu, next, out + s->output_column_step);
        }
        if (left == 0) return;
        int32_t sum = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++) {
            const int16_t *from = at + row * s->plane_columns;
            sum = nn_lower_upper(nn_two(from + 2), weights[2 * row + 1], nn_both(nn_two(from), weights[2 * row], sum));
        }
        nn_depthwise_store(c, s->relu, sum, out);
        return;
    }
    for (; left > 0; left--, at += s->column_stride, out += s->output_column_step) {
        int32_t sum = bias;
#pragma GCC unroll 8
        for (int32_t row = 0; row < s->kernel_rows; row++)
#pragma GCC unroll 8
            for (int32_t pair = 0; pair < pairs; pair++)
                sum = nn_both(nn_two(at + row * s->plane_columns + 2 * pair), weights[row * pairs + pair], sum);
        nn_depthwise_store(c, s->relu, sum, out);
    }
}

// Inlined into a function for each shape of the model, where all of `s` is constant.
__attribute__((always_inline)) static inline void nn_depthwise_planar(const struct nn_depthwise_shape *s,
                                                                      const uint32_t *stream, const int8_t *input,
                                                                      int8_t *output, int16_t *plane) {
    const int32_t words = s->kernel_rows * ((s->kernel_columns + 1) / 2);
    for (int32_t i = 0; i < s->plane_rows * s->plane_columns; i++) plane[i] = (int16_t)s->zero_point;
    for (int32_t channel = 0; channel < s->channels; channel++, input++) {
        const int8_t *line = input;
        for (int32_t row = 0; row < s->input_rows; row++, line += s->input_row_step) {
            int16_t *to = plane + (row + s->pad_rows) * s->plane_columns + s->pad_columns;
            const int8_t *from = line;
#pragma GCC unroll 4
            for (int32_t column = 0; column < s->input_columns; column++, from += s->input_column_step) *to++ = *from;
        }
        for (int32_t copy = 0; copy < s->multiplier; copy++, output++) {
            uint32_t weights[NN_DEPTHWISE_KERNEL];
#pragma GCC unroll 32
            for (int32_t i = 0; i < words; i++) weights[i] = *stream++;
            const int32_t bias = (int32_t)stream[0];
            const struct nn_short c = {(int32_t)stream[1], (int32_t)stream[2], (int32_t)stream[3]};
            stream += 4;
            int8_t *out = output;
            for (int32_t row = 0; row < s->output_rows; row++, out += s->output_row_step)
                nn_depthwise_line(s, weights, bias, &c, plane + row * s->row_stride * s->plane_columns, out);
        }
    }
}
