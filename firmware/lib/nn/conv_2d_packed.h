// CONV_2D through packed inner products, two output pixels at a time. Padding is the input's zero point, which the compiler
// has folded into the biases, so it is widened like any other input.
#pragma once
#include "matmul_2x4.h"
#include "panel.h"
#include "window.h"

struct nn_conv_2d_packed {
    const uint32_t *stream;
    void (*matmul)(const uint32_t *, const uint32_t *, int8_t *, int8_t *, uint32_t, uint32_t);
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, output_channels;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int16_t patch; // kernel_height * kernel_width * input_channels, rounded up to a multiple of 4
    int8_t input_zero_point;
};

// The patch of one pixel as bytes, where a part of it is padding or its rows are no whole words.
static void nn_gather(const struct nn_conv_2d_packed *l, const int8_t *input, int32_t y, int32_t x, int8_t *patch) {
    const int32_t channels = l->input_channels;
    memset(patch, l->input_zero_point, (size_t)l->patch);
    const struct nn_window rows = nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
    const struct nn_window columns =
        nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
    for (int32_t ky = rows.begin; ky < rows.end; ky++) {
        const int32_t row = (rows.origin + ky * l->dilation_y) * l->input_width + columns.origin;
        int8_t *to = patch + ky * l->kernel_width * channels;
        if (l->dilation_x == 1) {
            memcpy(to + columns.begin * channels, input + (row + columns.begin) * channels,
                   (size_t)((columns.end - columns.begin) * channels));
            continue;
        }
        for (int32_t kx = columns.begin; kx < columns.end; kx++)
            memcpy(to + kx * channels, input + (row + kx * l->dilation_x) * channels, (size_t)channels);
    }
}

static inline int nn_interior(int32_t origin, int32_t kernel, int32_t dilation, int32_t size) {
    return origin >= 0 && origin + (kernel - 1) * dilation < size;
}

// `scratch`: the panel of two patches in int16, a patch in bytes, the outputs of two pixels.
static void nn_conv_2d_packed(const struct nn_conv_2d_packed *l, const int8_t *input, int8_t *output, uint32_t *scratch) {
    const int32_t pixels = l->output_height * l->output_width;
    const uint32_t patch = (uint32_t)l->patch;
    const uint32_t quads = ((uint32_t)l->output_channels + 3) / 4;
    int8_t *const bytes = (int8_t *)(scratch + patch);
    int8_t *const spare = bytes + patch;
    const int32_t row_bytes = l->kernel_width * l->input_channels;
    int32_t y = 0, x = 0;
    for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        const int8_t *corner[2];
        for (int i = 0; i < 2; i++) {
            const int32_t top = y * l->stride_y - l->pad_top, left = x * l->stride_x - l->pad_left;
            const int whole = row_bytes % 4 == 0 && l->dilation_x == 1 &&
                              nn_interior(top, l->kernel_height, l->dilation_y, l->input_height) &&
                              nn_interior(left, l->kernel_width, 1, l->input_width);
            corner[i] = whole ? input + (top * l->input_width + left) * l->input_channels : NULL;
            if (!whole) {
                nn_gather(l, input, y, x, bytes);
                (void)nn_widen(scratch + i, bytes, patch);
            }
            if (pixel + 1 == pixels) { // an odd one out: its panel's other half may hold anything
                corner[1] = NULL;
                break;
            }
            if (++x == l->output_width) x = 0, y++;
        }
        const int32_t step = l->dilation_y * l->input_width * l->input_channels;
        uint32_t *panel = scratch;
        if (corner[0] && corner[1]) {
            for (int32_t ky = 0; ky < l->kernel_height; ky++)
                panel = nn_widen_pair(panel, corner[0] + ky * step, corner[1] + ky * step, (uint32_t)row_bytes);
        } else {
            for (int i = 0; i < 2; i++) {
                panel = scratch + i;
                for (int32_t ky = 0; corner[i] && ky < l->kernel_height; ky++)
                    panel = nn_widen(panel, corner[i] + ky * step, (uint32_t)row_bytes);
            }
        }
        int8_t *const out = output + pixel * l->output_channels;
        const int last = pixel + 1 == pixels;
        if (l->output_channels % 4 == 0) {
            l->matmul(scratch, l->stream, out, last ? spare : out + l->output_channels, patch * 4, quads);
        } else {
            l->matmul(scratch, l->stream, spare, spare + 4 * quads, patch * 4, quads);
            memcpy(out, spare, (size_t)l->output_channels);
            if (!last) memcpy(out + l->output_channels, spare + 4 * quads, (size_t)l->output_channels);
        }
    }
}
