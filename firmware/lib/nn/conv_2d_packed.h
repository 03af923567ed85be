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
    int16_t row; // bytes of a kernel row, kernel_width * input_channels, rounded up to a multiple of 4
    int8_t input_zero_point;
};

// The patch of one pixel as bytes, where a part of it is padding.
static void nn_gather(const struct nn_conv_2d_packed *l, const int8_t *input, int32_t y, int32_t x, int8_t *patch) {
    const uint32_t padding = (uint8_t)l->input_zero_point * 0x01010101u;
    const int32_t channels = l->input_channels;
    const struct nn_window rows = nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
    const struct nn_window columns =
        nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
    for (int32_t ky = 0; ky < l->kernel_height; ky++, patch += l->row) {
        if (ky < rows.begin || ky >= rows.end) {
            (void)nn_fill(patch, padding, l->row);
            continue;
        }
        int8_t *to = nn_fill(patch, padding, columns.begin * channels);
        const int8_t *from =
            input + ((rows.origin + ky * l->dilation_y) * l->input_width + columns.origin + columns.begin * l->dilation_x) *
                        channels;
        if (l->dilation_x == 1)
            to = nn_copy(to, from, (columns.end - columns.begin) * channels);
        else
            for (int32_t kx = columns.begin; kx < columns.end; kx++, from += l->dilation_x * channels)
                to = nn_copy(to, from, channels);
        (void)nn_fill(to, padding, (int32_t)(patch + l->row - to));
    }
}

// Whether a patch lies inside the image, and may be read by whole words: up to 3 bytes past its last row, which is why the
// image's last row is excluded where rows are no whole words.
static inline int nn_inside(const struct nn_conv_2d_packed *l, int32_t top, int32_t left) {
    const int32_t bottom = top + (l->kernel_height - 1) * l->dilation_y + (l->row != l->kernel_width * l->input_channels);
    return l->dilation_x == 1 && top >= 0 && left >= 0 && bottom < l->input_height &&
           left + l->kernel_width <= l->input_width;
}

// `scratch`: the panel of two patches in int16, a patch in bytes, the outputs of two pixels.
static void nn_conv_2d_packed(const struct nn_conv_2d_packed *l, const int8_t *input, int8_t *output, uint32_t *scratch) {
    const int32_t pixels = l->output_height * l->output_width;
    const int32_t step = l->dilation_y * l->input_width * l->input_channels;
    const uint32_t row = (uint32_t)l->row, patch = (uint32_t)(l->row * l->kernel_height);
    const uint32_t quads = ((uint32_t)l->output_channels + 3) / 4;
    int8_t *const bytes = (int8_t *)(scratch + patch);
    int8_t *const spare = bytes + patch;
    int32_t y = 0, x = 0;
    for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        // Of an odd pixel at the end the panel's other half is left as it is, and its outputs go to `spare`.
        const int32_t count = pixel + 1 == pixels ? 1 : 2;
        const int8_t *corner[2] = {NULL, NULL};
        for (int32_t i = 0; i < count; i++) {
            const int32_t top = y * l->stride_y - l->pad_top, left = x * l->stride_x - l->pad_left;
            if (nn_inside(l, top, left)) {
                corner[i] = input + (top * l->input_width + left) * l->input_channels;
            } else {
                nn_gather(l, input, y, x, bytes);
                (void)nn_widen(scratch + i, bytes, patch);
            }
            if (++x == l->output_width) x = 0, y++;
        }
        uint32_t *panel = scratch;
        if (corner[0] && corner[1]) {
            for (int32_t ky = 0; ky < l->kernel_height; ky++)
                panel = nn_widen_pair(panel, corner[0] + ky * step, corner[1] + ky * step, row);
        } else if (corner[0] || corner[1]) {
            const int8_t *from = corner[0] ? corner[0] : corner[1];
            panel += corner[0] ? 0 : 1;
            for (int32_t ky = 0; ky < l->kernel_height; ky++, from += step) panel = nn_widen(panel, from, row);
        }
        int8_t *const out = output + pixel * l->output_channels;
        if (l->output_channels % 4 == 0) {
            l->matmul(scratch, l->stream, out, count == 2 ? out + l->output_channels : spare, patch * 4, quads);
        } else {
            l->matmul(scratch, l->stream, spare, spare + 4 * quads, patch * 4, quads);
            (void)nn_copy(out, spare, l->output_channels);
            if (count == 2) (void)nn_copy(out + l->output_channels, spare + 4 * quads, l->output_channels);
        }
    }
}
