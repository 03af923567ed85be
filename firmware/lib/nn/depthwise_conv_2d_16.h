// DEPTHWISE_CONV_2D in 16x8, portable C: int16 activations of zero point 0, int8 weights. Output channel o reads input
// channel o / multiplier only.
#pragma once
#include "requantise_16.h"
#include "window.h"

struct nn_depthwise_conv_2d_16 {
    const int8_t *weights; // [kernel y][kernel x][output channel]
    const int64_t *bias;   // [output channel]
    struct nn_requantisation_16 output;
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, depth_multiplier;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
};

static inline void nn_depthwise_conv_2d_16(const struct nn_depthwise_conv_2d_16 *l, const int16_t *input,
                                           int16_t *output) {
    const int32_t outputs = l->input_channels * l->depth_multiplier;
    const int32_t step = l->dilation_x * l->input_channels;
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows =
            nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns =
                nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
            for (int32_t o = 0; o < outputs; o++) {
                const int32_t channel = o / l->depth_multiplier;
                int64_t sum = l->bias[o];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t row = (rows.origin + ky * l->dilation_y) * l->input_width;
                    const int32_t pixel = row + columns.origin + columns.begin * l->dilation_x;
                    const int16_t *in = input + pixel * l->input_channels + channel;
                    const int8_t *w = l->weights + (ky * l->kernel_width + columns.begin) * outputs + o;
                    for (int32_t kx = columns.begin; kx < columns.end; kx++, in += step, w += outputs) sum += *w * *in;
                }
                *output++ = nn_requantise_16(&l->output, (uint32_t)o, sum);
            }
        }
    }
}
