// CONV_2D in 16x8, portable C: int16 activations of zero point 0, int8 weights.
#pragma once
#include "requantise_16.h"
#include "window.h"

struct nn_conv_2d_16 {
    const int8_t *weights; // [output channel][kernel y][kernel x][input channel of the group]
    const int64_t *bias;   // [output channel]
    struct nn_requantisation_16 output;
    int16_t input_height, input_width, input_channels, group_channels;
    int16_t output_height, output_width, output_channels;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
};

static inline void nn_conv_2d_16(const struct nn_conv_2d_16 *l, const int16_t *input, int16_t *output) {
    const int32_t channels = l->group_channels;
    const int32_t kernel_row = l->kernel_width * channels;
    const int32_t outputs_per_group = l->output_channels / (l->input_channels / channels);
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows =
            nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns =
                nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
            const int8_t *kernel = l->weights;
            for (int32_t o = 0; o < l->output_channels; o++, kernel += l->kernel_height * kernel_row) {
                int64_t sum = l->bias[o];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t row = (rows.origin + ky * l->dilation_y) * l->input_width;
                    for (int32_t kx = columns.begin; kx < columns.end; kx++) {
                        const int32_t pixel = row + columns.origin + kx * l->dilation_x;
                        const int16_t *in = input + pixel * l->input_channels + o / outputs_per_group * channels;
                        const int8_t *w = kernel + ky * kernel_row + kx * channels;
                        for (int32_t c = 0; c < channels; c++) sum += w[c] * in[c];
                    }
                }
                *output++ = nn_requantise_16(&l->output, (uint32_t)o, sum);
            }
        }
    }
}
