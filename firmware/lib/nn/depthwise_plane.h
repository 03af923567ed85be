// DEPTHWISE_CONV_2D in int8 and 16x8, one channel at a time. A band of the channel's rows is gathered in a plane of int16 that is padded with
// the zero point, so that no border needs a test; the zero point is folded into the bias. A band's outputs are written after
// all that it reads was gathered, each channel over its own bytes only, so the output may run into the input (the compiler works
// out how far). A line of outputs is left to a function: depthwise_planar.h for cores with the DSP extension,
// depthwise_blocked.h for all others.
//
// Lines run along the axis that suits that function: the compiler may swap both axes, and gives the distances in bytes between
// neighbours along either.
//
// The stream of words, per output channel: the weights, as the function wants them; the bias; three words of output_form.h.
#pragma once
#include "output_form.h"

struct nn_depthwise_shape {
    int32_t channels, multiplier; // input channels, and outputs for each of them
    int32_t code_bytes;           // 1 or 2; all steps are in bytes, too
    int32_t input_rows, input_columns, input_row_step, input_column_step;
    int32_t output_rows, output_columns, output_row_step, output_column_step;
    int32_t words;                        // of the weights of a channel
    int32_t kernel_rows, taps, tap_step;  // of a kernel row: columns or pairs of them, and how far they are apart
    int32_t row_stride, column_stride, row_dilation;
    int32_t band, plane_rows, plane_columns; // rows of outputs of a band; the plane that they read
    int32_t pad_rows, pad_columns;           // what precedes the image
    int32_t zero_point;
    enum nn_form form;
};

enum { NN_DEPTHWISE_KERNEL = 32 }; // most words of weights that may lie in registers or on the stack

// Of the first input and output of a line, with the weights and the constants of the channel.
typedef void nn_depthwise_line(const struct nn_depthwise_shape *, const uint32_t *weights, int32_t bias,
                               const struct nn_short *c, const int16_t *at, int8_t *out);

// One row of a channel.
__attribute__((always_inline)) static inline void nn_depthwise_gather(const struct nn_depthwise_shape *s, const int8_t *from,
                                                                      int16_t *to) {
#pragma GCC unroll 8
    for (int32_t column = 0; column < s->input_columns; column++, from += s->input_column_step)
        to[column] = s->code_bytes == 2 ? *(const int16_t *)(const void *)from : *from;
}

// Inlined into a function for each shape of the model, where all of `s` is constant.
__attribute__((always_inline)) static inline void nn_depthwise(const struct nn_depthwise_shape *s,
                                                               nn_depthwise_line *line_of_outputs,
                                                               const uint32_t *stream, const int8_t *input,
                                                               int8_t *output, int16_t *plane) {
    for (int32_t start = 0; start < s->output_rows; start += s->band) {
        const int32_t top = start * s->row_stride - s->pad_rows; // row of the image at the top of the plane
        const int32_t first = top < 0 ? 0 : top;
        const int32_t last = top + s->plane_rows < s->input_rows ? top + s->plane_rows : s->input_rows;
        const int32_t end = start + s->band < s->output_rows ? start + s->band : s->output_rows;
        const uint32_t *words_of_channel = stream;
        for (int32_t i = 0; i < s->plane_rows * s->plane_columns; i++) plane[i] = (int16_t)s->zero_point;
        for (int32_t channel = 0; channel < s->channels; channel++) {
            const int8_t *line = input + first * s->input_row_step + channel * s->code_bytes;
            int16_t *to = plane + (first - top) * s->plane_columns + s->pad_columns;
            for (int32_t row = first; row < last; row++, line += s->input_row_step, to += s->plane_columns)
                nn_depthwise_gather(s, line, to);
            for (int32_t copy = 0; copy < s->multiplier; copy++) {
                uint32_t weights[NN_DEPTHWISE_KERNEL];
#pragma GCC unroll 32
                for (int32_t i = 0; i < s->words; i++) weights[i] = *words_of_channel++;
                const int32_t bias = (int32_t)words_of_channel[0];
                const struct nn_short c = nn_constants(words_of_channel + 1);
                words_of_channel += 4;
                int8_t *out =
                    output + start * s->output_row_step + (channel * s->multiplier + copy) * s->code_bytes;
                const int16_t *at = plane;
                for (int32_t row = start; row < end; row++, out += s->output_row_step) {
                    line_of_outputs(s, weights, bias, &c, at, out);
                    at += s->row_stride * s->plane_columns;
                }
            }
        }
    }
}
