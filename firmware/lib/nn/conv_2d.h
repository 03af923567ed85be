// CONV_2D in int8, portable C. Positions outside the image count as the input's zero point, so they add nothing. A sum that
// leaves 32 bits wraps, as the reference's does on every machine in use.
#pragma once
#include "requantise.h"
#include "window.h"

struct nn_conv_2d {
    const int8_t *weights; // [output channel][kernel y][kernel x][input channel of the group]
    const int32_t *bias;   // [output channel]
    struct nn_requantisation output;
    int16_t input_height, input_width, input_channels, group_channels;
    int16_t output_height, output_width, output_channels;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int16_t input_zero_point;
};

static void nn_conv_2d(const struct nn_conv_2d *l, const int8_t *input, int8_t *output) {
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
                uint32_t sum = (uint32_t)l->bias[o];
                for (int32_t ky = rows.begin; ky < rows.end; ky++) {
                    const int32_t row = (rows.origin + ky * l->dilation_y) * l->input_width;
                    for (int32_t kx = columns.begin; kx < columns.end; kx++) {
                        const int32_t pixel = row + columns.origin + kx * l->dilation_x;
                        const int8_t *in = input + pixel * l->input_channels + o / outputs_per_group * channels;
                        const int8_t *w = kernel + ky * kernel_row + kx * channels;
                        for (int32_t c = 0; c < channels; c++) sum += (uint32_t)(w[c] * (in[c] - l->input_zero_point));
                    }
                }
                *output++ = nn_requantise(&l->output, (uint32_t)o, (int32_t)sum);
            }
        }
    }
}
