// DEPTHWISE_CONV_2D one channel at a time. A band of the channel's rows is widened into a plane of int16 that is padded with
// the zero point, so that SMLAD takes two neighbours of a row at once and no border needs a test; the zero point is folded
// into the bias. A band's outputs are written after all that it reads was widened, each channel over its own bytes only, so
// the output may run into the input (the compiler works out how far).
//
// Rows are the axis along which pairs are formed: the compiler swaps both axes where the kernel is only one column wide, and
// gives the distances in bytes between neighbours along either axis.
//
// The stream of words, per output channel: for each kernel row the weights of its pairs; then bias, m, C, S of matmul_2x4.h.
// A pair is two neighbouring columns, the last of an odd number paired with 0; or one column and 0 where the kernel is dilated
// along its rows. Kernels of three columns and stride 1 have the pairs (0, 1) and (1, 2), for two outputs at a time.
// Weights and bias are scaled by what the requantisation wants, 4 with a ReLU and 2 without.
#pragma once
#include "short_requantise.h"

struct nn_depthwise_shape {
    int32_t channels, multiplier; // input channels, and outputs for each of them
    int32_t input_rows, input_columns, input_row_step, input_column_step;
    int32_t output_rows, output_columns, output_row_step, output_column_step;
    int32_t kernel_rows, pairs, pair_step, two; // two outputs at a time
    int32_t row_stride, column_stride, row_dilation;
    int32_t band, plane_rows, plane_columns; // rows of outputs of a band; the plane that they read
    int32_t pad_rows, pad_columns;           // what precedes the image
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

// One line of outputs.
__attribute__((always_inline)) static inline void nn_depthwise_line(const struct nn_depthwise_shape *s,
                                                                    const uint32_t *weights, int32_t bias,
                                                                    const struct nn_short *c, const int16_t *at,
                                                                    int8_t *out) {
    const int32_t step = s->row_dilation * s->plane_columns;
    int32_t left = s->output_columns;
    if (s->two) {
        for (; left >= 2; left -= 2, at += 2, out += 2 * s->output_column_step) {
            int32_t sum = bias, next = bias;
#pragma GCC unroll 8
            for (int32_t row = 0; row < s->kernel_rows; row++) { // two words hold the four inputs of both outputs
                const uint32_t low = nn_two(at + row * step), high = nn_two(at + row * step + 2);
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
            const int16_t *from = at + row * step;
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
            for (int32_t pair = 0; pair < s->pairs; pair++)
                sum = nn_both(nn_two(at + row * step + s->pair_step * pair), weights[row * s->pairs + pair], sum);
        nn_depthwise_store(c, s->relu, sum, out);
    }
}

// Inlined into a function for each shape of the model, where all of `s` is constant.
__attribute__((always_inline)) static inline void nn_depthwise_planar(const struct nn_depthwise_shape *s,
                                                                      const uint32_t *stream, const int8_t *input,
                                                                      int8_t *output, int16_t *plane) {
    const int32_t words = s->kernel_rows * s->pairs;
    for (int32_t start = 0; start < s->output_rows; start += s->band) {
        const int32_t top = start * s->row_stride - s->pad_rows; // row of the image at the top of the plane
        const int32_t first = top < 0 ? 0 : top;
        const int32_t last = top + s->plane_rows < s->input_rows ? top + s->plane_rows : s->input_rows;
        const int32_t end = start + s->band < s->output_rows ? start + s->band : s->output_rows;
        const uint32_t *words_of_channel = stream;
        for (int32_t i = 0; i < s->plane_rows * s->plane_columns; i++) plane[i] = (int16_t)s->zero_point;
        for (int32_t channel = 0; channel < s->channels; channel++) {
            const int8_t *line = input + first * s->input_row_step + channel;
            int16_t *to = plane + (first - top) * s->plane_columns + s->pad_columns;
            for (int32_t row = first; row < last; row++, line += s->input_row_step, to += s->plane_columns) {
                const int8_t *from = line;
#pragma GCC unroll 8
                for (int32_t column = 0; column < s->input_columns; column++, from += s->input_column_step)
                    to[column] = *from;
            }
            for (int32_t copy = 0; copy < s->multiplier; copy++) {
                uint32_t weights[NN_DEPTHWISE_KERNEL];
#pragma GCC unroll 32
                for (int32_t i = 0; i < words; i++) weights[i] = *words_of_channel++;
                const int32_t bias = (int32_t)words_of_channel[0];
                const struct nn_short c = {(int32_t)words_of_channel[1], (int32_t)words_of_channel[2],
                                           (int32_t)words_of_channel[3]};
                words_of_channel += 4;
                int8_t *out = output + start * s->output_row_step + channel * s->multiplier + copy;
                const int16_t *at = plane;
                for (int32_t row = start; row < end; row++, out += s->output_row_step) {
                    nn_depthwise_line(s, weights, bias, &c, at, out);
                    at += s->row_stride * s->plane_columns;
                }
            }
        }
    }
}
