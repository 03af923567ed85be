// AVERAGE_POOL_2D and MAX_POOL_2D, portable C. Positions outside the image do not count.
#pragma once
#include "codes.h"
#include "requantise.h"
#include "window.h"

struct nn_pool_2d {
    int16_t input_height, input_width, channels, output_height, output_width;
    int16_t kernel_height, kernel_width, stride_y, stride_x, pad_top, pad_left;
    int16_t minimum, maximum;
};

// Rounded to nearest, half away from zero.
static inline int32_t nn_average(int32_t sum, int32_t count) {
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

__attribute__((always_inline)) static inline void nn_pool_2d(const struct nn_pool_2d *l, const void *input, void *output,
                                                             int average, int bits) {
    const int32_t channels = l->channels;
    int32_t out = 0;
    for (int32_t y = 0; y < l->output_height; y++) {
        const struct nn_window rows = nn_window(y, l->stride_y, l->pad_top, l->kernel_height, 1, l->input_height);
        for (int32_t x = 0; x < l->output_width; x++) {
            const struct nn_window columns = nn_window(x, l->stride_x, l->pad_left, l->kernel_width, 1, l->input_width);
            const int32_t width = columns.end - columns.begin, count = (rows.end - rows.begin) * width;
            const int32_t corner =
                ((rows.origin + rows.begin) * l->input_width + columns.origin + columns.begin) * channels;
            for (int32_t c = 0; c < channels; c++) {
                int32_t sum = 0, largest = INT16_MIN;
                int32_t line = corner + c;
                for (int32_t ky = rows.begin; ky < rows.end; ky++, line += l->input_width * channels) {
                    int32_t at = line;
#pragma GCC unroll 4
                    for (int32_t kx = 0; kx < width; kx++, at += channels) {
                        const int32_t code = nn_load(input, at, bits);
                        sum += code;
                        if (!average && code > largest) largest = code;
                    }
                }
                nn_store(output, out++, nn_clamp(average ? nn_average(sum, count) : largest, l->minimum, l->maximum), bits);
            }
        }
    }
}

static inline void nn_average_pool_2d_8(const struct nn_pool_2d *l, const int8_t *input, int8_t *output) {
    nn_pool_2d(l, input, output, 1, 8);
}

static inline void nn_average_pool_2d_16(const struct nn_pool_2d *l, const int16_t *input, int16_t *output) {
    nn_pool_2d(l, input, output, 1, 16);
}

static inline void nn_max_pool_2d_8(const struct nn_pool_2d *l, const int8_t *input, int8_t *output) {
    nn_pool_2d(l, input, output, 0, 8);
}

static inline void nn_max_pool_2d_16(const struct nn_pool_2d *l, const int16_t *input, int16_t *output) {
    nn_pool_2d(l, input, output, 0, 16);
}
