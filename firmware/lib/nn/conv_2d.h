// CONV_2D in int8, portable C. Positions outside the image count as the input's zero point, so they add nothing. A sum
// that leaves 32 bits wraps, as the reference's does on every machine in use.
#pragma once
#include "dot_8.h"
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

// One output: the rows and columns of the kernel that lie inside the image.
static inline uint32_t nn_conv_2d_sum(const int8_t *kernel, const int8_t *corner, int32_t rows, int32_t columns,
                                      int32_t kernel_row, int32_t image_row, int32_t channels, int32_t image_column,
                                      int32_t zero_point) {
    uint32_t sum = 0;
    for (; rows > 0; rows--, kernel += kernel_row, corner += image_row) {
        if (image_column == channels) { // the columns of the kernel's row lie side by side in the image, too
            sum += nn_dot_8(kernel, corner, columns * channels, zero_point);
        } else {
            const int8_t *w = kernel, *in = corner;
            for (int32_t column = 0; column < columns; column++, w += channels, in += image_column)
                sum += nn_dot_8(w, in, channels, zero_point);
        }
    }
    return sum;
}

static inline void nn_conv_2d(const struct nn_conv_2d *l, const int8_t *input, int8_t *output) {
    const int32_t channels = l->group_channels, groups = l->input_channels / channels;
    const int32_t kernel_row = l->kernel_width * channels, outputs_per_group = l->output_channels / groups;
    const int32_t image_column = l->dilation_x * l->input_channels;
    const int32_t line = l->input_width * l->input_channels, image_row = l->dilation_y * line;
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows =
            nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns =
                nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
            const int32_t height = rows.end - rows.begin, width = columns.end - columns.begin;
            const int8_t *corner = input + rows.origin * line + rows.begin * image_row +
                                   columns.origin * l->input_channels + columns.begin * image_column;
            const int8_t *kernel = l->weights + rows.begin * kernel_row + columns.begin * channels;
            uint32_t o = 0;
            for (int32_t group = 0; group < groups; group++, corner += channels)
                for (int32_t n = 0; n < outputs_per_group; n++, o++, kernel += l->kernel_height * kernel_row) {
                    const uint32_t sum = nn_conv_2d_sum(kernel, corner, height, width, kernel_row, image_row, channels,
                                                        image_column, l->input_zero_point);
                    *output++ = nn_requantise(&l->output, o, (int32_t)((uint32_t)l->bias[o] + sum));
                }
        }
    }
}
