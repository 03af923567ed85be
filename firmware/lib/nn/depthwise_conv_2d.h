// DEPTHWISE_CONV_2D in int8, portable C: output channel o reads input channel o / multiplier only. Sums wrap at 32
// bits.
#pragma once
#include "requantise.h"
#include "window.h"

struct nn_depthwise_conv_2d {
    const int8_t *weights; // [kernel y][kernel x][output channel]
    const int32_t *bias;   // [output channel]
    struct nn_requantisation output;
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, depth_multiplier;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int16_t input_zero_point;
};

static inline void nn_depthwise_conv_2d(const struct nn_depthwise_conv_2d *l, const int8_t *input, int8_t *output) {
    const int32_t outputs = l->input_channels * l->depth_multiplier;
    const int32_t image_column = l->dilation_x * l->input_channels, kernel_row = l->kernel_width * outputs;
    const int32_t line = l->input_width * l->input_channels, image_row = l->dilation_y * line;
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows =
            nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns =
                nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
            const int32_t height = rows.end - rows.begin, width = columns.end - columns.begin;
            const int32_t zero_point = l->input_zero_point;
            const int8_t *corner = input + rows.origin * line + rows.begin * image_row +
                                   columns.origin * l->input_channels + columns.begin * image_column;
            const int8_t *kernel = l->weights + rows.begin * kernel_row + columns.begin * outputs;
            uint32_t o = 0;
            for (int32_t channel = 0; channel < l->input_channels; channel++, corner++)
                for (int32_t copy = 0; copy < l->depth_multiplier; copy++, o++, kernel++) {
                    uint32_t sum = (uint32_t)l->bias[o];
                    const int8_t *row = corner, *weights = kernel;
                    for (int32_t ky = 0; ky < height; ky++, row += image_row, weights += kernel_row) {
                        const int8_t *in = row, *w = weights;
                        for (int32_t kx = 0; kx < width; kx++, in += image_column, w += outputs)
                            sum += (uint32_t)(*w * (*in - zero_point));
                    }
                    *output++ = nn_requantise(&l->output, o, (int32_t)sum);
                }
        }
    }
}
