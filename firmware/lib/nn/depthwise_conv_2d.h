// DEPTHWISE_CONV_2D in int8, portable C: output channel o reads input channel o / multiplier only. Sums wrap at 32 bits.
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

static void nn_depthwise_conv_2d(const struct nn_depthwise_conv_2d *l, const int8_t *input, int8_t *output) {
    const int32_t outputs = l->input_channels * l->depth_multiplier;
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows =
            nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns =
                nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
            for (int32_t o = 0; o < outputs; o++) {
                const int32_t channel = o / l->depth_multiplier;
                uint32_t sum = (uint32_t)l->bias[o];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t row = (rows.origin + ky * l->dilation_y) * l->input_width;
                    for (int32_t kx = columns.begin; kx < columns.end; kx++) {
                        const int32_t pixel = row + columns.origin + kx * l->dilation_x;
                        const int8_t w = l->weights[(ky * l->kernel_width + kx) * outputs + o];
                        sum += (uint32_t)(w * (input[pixel * l->input_channels + channel] - l->input_zero_point));
                    }
                }
                *output++ = nn_requantise(&l->output, (uint32_t)o, (int32_t)sum);
            }
        }
    }
}
