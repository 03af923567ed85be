// CONV_2D through a panel of two output pixels' patches, which an inner product then takes at once. Padding is the input's
// zero point, which the compiler has folded into the biases, so it goes through the panel like any other input.
#pragma once
#include "panel.h"
#include "window.h"

struct nn_conv_2d_panel {
    const uint32_t *stream;
    // Of the panel and the stream to the outputs of both pixels: bytes of the panel, quads of output channels.
    void (*matmul)(const uint32_t *, const uint32_t *, int8_t *, int8_t *, uint32_t, uint32_t);
    // The same for one or two channels beyond whole quads, and where the stream has their words; NULL if they are a quad, too.
    void (*tail)(const uint32_t *, const uint32_t *, int8_t *, int8_t *, uint32_t);
    const uint32_t *tail_stream;
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, output_channels;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int16_t row; // bytes of a kernel row, kernel_width * input_channels, rounded up to what the inner product takes
    int8_t input_zero_point;
};

// `wide`: the panel holds int16 pairs for matmul_2x4.h, and 4 bytes of a patch become two words; otherwise it holds the bytes as
// they are, for matmul_blocked.h. Every caller gives a constant.
static inline uint32_t *nn_put(uint32_t *panel, const int8_t *input, uint32_t bytes, int wide) {
    return wide ? nn_widen(panel, input, bytes) : nn_interleave(panel, input, bytes);
}

static inline uint32_t *nn_put_padding(uint32_t *panel, uint32_t padding, int32_t bytes, int wide) {
    return wide ? nn_widen_padding(panel, padding, bytes) : nn_interleave_padding(panel, padding, bytes);
}

static inline uint32_t *nn_put_pair(uint32_t *panel, const int8_t *first, const int8_t *second, uint32_t bytes, int wide) {
    return wide ? nn_widen_pair(panel, first, second, bytes) : nn_interleave_pair(panel, first, second, bytes);
}

// Puts the patch of one pixel, part of which is padding, into the panel; by way of `bytes` where channels are no whole words.
static void nn_gather(const struct nn_conv_2d_panel *l, const int8_t *input, int32_t y, int32_t x, uint32_t *panel,
                      int8_t *bytes, int wide) {
    const uint32_t padding = (uint8_t)l->input_zero_point * 0x01010101u;
    const int32_t channels = l->input_channels;
    const struct nn_window rows = nn_window(y, l->stride_y, l->pad_top, l->kernel_height, l->dilation_y, l->input_height);
    const struct nn_window columns =
        nn_window(x, l->stride_x, l->pad_left, l->kernel_width, l->dilation_x, l->input_width);
    const int32_t before = columns.begin * channels, within = (columns.end - columns.begin) * channels;
    const int32_t line = l->dilation_y * l->input_width * channels;
    int32_t from = (rows.origin * l->input_width + columns.origin + columns.begin * l->dilation_x) * channels;
    if (channels % 4 == 0 && l->dilation_x == 1) {
        for (int32_t ky = 0; ky < l->kernel_height; ky++, from += line) {
            const int inside = ky >= rows.begin && ky < rows.end;
            if (inside) {
                panel = nn_put_padding(panel, padding, before, wide);
                panel = nn_put(panel, input + from, (uint32_t)within, wide);
            }
            panel = nn_put_padding(panel, padding, inside ? l->row - before - within : l->row, wide);
        }
        return;
    }
    const int8_t *const end = nn_fill(bytes, padding, l->kernel_height * l->row);
    from += rows.begin * line;
    for (int32_t ky = rows.begin; ky < rows.end; ky++, from += line) {
        int8_t *to = bytes + ky * l->row + before;
        if (l->dilation_x == 1)
            (void)nn_copy(to, input + from, within);
        else
            for (int32_t i = 0; i < within; i += channels) to = nn_copy(to, input + from + i * l->dilation_x, channels);
    }
    (void)nn_put(panel, bytes, (uint32_t)(end - bytes), wide);
}

// Where the next output pixel is. Patches that lie inside the image and follow each other in a row of outputs make a run, which is
// not gathered: `run` of them are left, `from` is the first byte of the next one, and y and x are those of the pixel after them.
struct nn_place {
    int32_t y, x, run;
    const int8_t *from;
};

// Begins a run; or, where the patch of the next pixel does not lie inside, puts it into the panel and goes on to the next pixel.
static inline void nn_advance(const struct nn_conv_2d_panel *l, const int8_t *input, struct nn_place *at, uint32_t *panel,
                              int8_t *bytes, int wide) {
    const int32_t top = at->y * l->stride_y - l->pad_top, left = at->x * l->stride_x - l->pad_left;
    const int32_t last = (l->kernel_height - 1) * l->dilation_y, room = l->input_width - l->kernel_width - left;
    const int32_t begin = (top * l->input_width + left) * l->input_channels;
    int32_t run = 0;
    if (l->dilation_x == 1 && top >= 0 && top + last < l->input_height && left >= 0 && room >= 0) {
        const int32_t rest = l->output_width - at->x, fitting = room / l->stride_x + 1;
        // Rounded up, the last row of a patch must not reach past the end of the image.
        const int32_t bytes_left = (l->input_height - last) * l->input_width * l->input_channels - begin - l->row;
        run = fitting < rest ? fitting : rest;
        while (run > 0 && (run - 1) * l->stride_x * l->input_channels > bytes_left) run--;
    }
    if (run > 0) {
        at->run = run;
        at->from = input + begin;
        at->x += run;
    } else {
        nn_gather(l, input, at->y, at->x, panel, bytes, wide);
        at->x++;
    }
    if (at->x == l->output_width) {
        at->x = 0;
        at->y++;
    }
}

// The first byte of the patch in the image, or NULL where it was put into the panel. Goes on to the next pixel.
static inline const int8_t *nn_patch(const struct nn_conv_2d_panel *l, const int8_t *input, struct nn_place *at,
                                     uint32_t *panel, int8_t *bytes, int wide) {
    if (at->run == 0) nn_advance(l, input, at, panel, bytes, wide);
    if (at->run == 0) return NULL;
    const int8_t *const patch = at->from;
    at->run--;
    at->from += l->stride_x * l->input_channels;
    return patch;
}

// `scratch`: the panel, a patch in bytes, the outputs of two pixels.
static inline void nn_conv_2d_panel(const struct nn_conv_2d_panel *l, const int8_t *input, int8_t *output,
                                    uint32_t *scratch, int wide) {
    const int32_t line = l->dilation_y * l->input_width * l->input_channels, step = l->stride_x * l->input_channels;
    const uint32_t row = (uint32_t)l->row, patch = (uint32_t)(l->row * l->kernel_height);
    const uint32_t quads = ((uint32_t)l->output_channels + 3) / 4;
    const uint32_t words = wide ? patch : patch / 2; // of the panel
    int8_t *const bytes = (int8_t *)(scratch + words);
    int8_t *const spare = bytes + patch;
    struct nn_place at = {0, 0, 0, NULL};
    for (int32_t left = l->output_height * l->output_width; left > 0; left -= 2, output += 2 * l->output_channels) {
        const int8_t *first, *second;
        if (at.run >= 2) {
            first = at.from;
            second = first + step;
            at.from = second + step;
            at.run -= 2;
        } else {
            first = nn_patch(l, input, &at, scratch, bytes, wide);
            // Of an odd pixel at the end the panel's other half is left as it is, and its outputs go to `spare`.
            second = left > 1 ? nn_patch(l, input, &at, scratch + 1, bytes, wide) : NULL;
        }
        uint32_t *panel = scratch;
        if (first && second) {
            for (int32_t ky = l->kernel_height; ky > 0; ky--, first += line, second += line)
                panel = nn_put_pair(panel, first, second, row, wide);
        } else if (first || second) {
            const int8_t *from = first ? first : second;
            panel += first ? 0 : 1;
            for (int32_t ky = l->kernel_height; ky > 0; ky--, from += line) panel = nn_put(panel, from, row, wide);
        }
        int8_t *const next = left > 1 ? output + l->output_channels : spare;
        if (l->tail) {
            const int32_t whole = l->output_channels / 4 * 4;
            if (whole) l->matmul(scratch, l->stream, output, next, words * 4, (uint32_t)whole / 4);
            if (l->output_channels % 4 == 2) {
                l->tail(scratch, l->tail_stream, output + whole, next + whole, words * 4);
            } else {
                int8_t last[4];
                l->tail(scratch, l->tail_stream, last, last + 2, words * 4);
                output[whole] = last[0];
                next[whole] = last[2];
            }
        } else if (l->output_channels % 4 == 0) {
            l->matmul(scratch, l->stream, output, next, words * 4, quads);
        } else {
            l->matmul(scratch, l->stream, spare, spare + 4 * quads, words * 4, quads);
            (void)nn_copy(output, spare, l->output_channels);
            if (left > 1) (void)nn_copy(next, spare + 4 * quads, l->output_channels);
        }
    }
}
