// CONV_2D whose input channels are divided among groups of output channels, through the inner products of ordinary ones: two
// output pixels at a time, group after group. A group's channels are read by whole words; what a word holds beyond them meets
// weights of 0. In 16x8 all counts of channels are bytes, as in conv_2d_16_packed.h.
#pragma once
#include "conv_2d_panel.h"

struct nn_conv_2d_grouped {
    const uint32_t *stream;
    // Of the panel and the stream to the outputs of both pixels: bytes of the panel, quads of output channels.
    void (*matmul)(const uint32_t *, const uint32_t *, int8_t *, int8_t *, uint32_t, uint32_t);
    int32_t words, panel; // of the stream for a group, of the panel
    int16_t groups, depth, outputs; // input and output channels of a group
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, output_channels;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int8_t input_zero_point;
};

// The patch of one pixel: where it is, and how far its pixels and its rows are apart.
struct nn_grouped_patch {
    const int8_t *corner;
    int32_t step, line;
};

// In the image where all of it lies inside, otherwise copied to `bytes` with its padding.
static struct nn_grouped_patch nn_grouped_patch(const struct nn_conv_2d_grouped *l, const int8_t *input, int32_t y, int32_t x,
                                                int8_t *bytes) {
    const int32_t channels = l->input_channels, image_line = l->input_width * channels;
    const int32_t top = y * l->stride_y - l->pad_top, left = x * l->stride_x - l->pad_left;
    const int32_t bottom = top + (l->kernel_height - 1) * l->dilation_y, right = left + (l->kernel_width - 1) * l->dilation_x;
    // The last word of the image's last pixel may reach past its end.
    const int past = l->depth % 4 != 0 && bottom == l->input_height - 1 && right == l->input_width - 1;
    if (top >= 0 && left >= 0 && bottom < l->input_height && right < l->input_width && !past) {
        const struct nn_grouped_patch patch = {input + top * image_line + left * channels, l->dilation_x * channels,
                                               l->dilation_y * image_line};
        return patch;
    }
    const struct nn_grouped_patch patch = {bytes, channels, l->kernel_width * channels};
    const struct nn_window rows = nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
    const struct nn_window columns = nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
    (void)nn_fill(bytes, (uint8_t)l->input_zero_point * 0x01010101u, l->kernel_height * patch.line);
    for (int32_t ky = rows.begin; ky < rows.end; ky++)
        for (int32_t kx = columns.begin; kx < columns.end; kx++)
            (void)nn_copy(bytes + ky * patch.line + kx * channels,
                          input + (rows.origin + ky * l->dilation_y) * image_line +
                              (columns.origin + kx * l->dilation_x) * channels,
                          channels);
    return patch;
}

// `scratch`: the panel, two patches with a word more, the outputs of two pixels. `wide` as in conv_2d_panel.h.
static inline void nn_conv_2d_grouped(const struct nn_conv_2d_grouped *l, const int8_t *input, int8_t *output,
                                      uint32_t *scratch, int wide) {
    const uint32_t depth = ((uint32_t)l->depth + 3) / 4 * 4, quads = ((uint32_t)l->outputs + 3) / 4;
    const int32_t patch = (l->kernel_height * l->kernel_width * l->input_channels + 7) / 4 * 4;
    int8_t *const bytes = (int8_t *)(scratch + l->panel), *const spare = bytes + 2 * patch;
    int32_t y = 0, x = 0;
    for (int32_t left = l->output_height * l->output_width; left > 0; left -= 2) {
        struct nn_grouped_patch patches[2];
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            // Of an odd pixel at the end the other one's outputs go nowhere.
            patches[pixel] = pixel < left ? nn_grouped_patch(l, input, y, x, bytes + pixel * patch) : patches[0];
            if (++x == l->output_width) x = 0, y++;
        }
        const uint32_t *stream = l->stream;
        for (int32_t group = 0; group < l->groups; group++, output += l->outputs, stream += l->words) {
            uint32_t *panel = scratch;
            for (int32_t ky = 0; ky < l->kernel_height; ky++) {
                const int8_t *first = patches[0].corner + ky * patches[0].line + group * l->depth;
                const int8_t *second = patches[1].corner + ky * patches[1].line + group * l->depth;
                for (int32_t kx = l->kernel_width; kx > 0; kx--, first += patches[0].step, second += patches[1].step)
                    panel = nn_put_pair(panel, first, second, depth, wide);
            }
            int8_t *const next = left > 1 ? output + l->output_channels : spare;
            if (l->outputs % 4 == 0) {
                l->matmul(scratch, stream, output, next, (uint32_t)l->panel * 4, quads);
            } else {
                l->matmul(scratch, stream, spare, spare + 4 * quads, (uint32_t)l->panel * 4, quads);
                (void)nn_copy(output, spare, l->outputs);
                if (left > 1) (void)nn_copy(next, spare + 4 * quads, l->outputs);
            }
        }
        output += l->output_channels;
    }
}
