// AVERAGE_POOL_2D and MAX_POOL_2D. Positions outside the image do not count.
#pragma once
#include "codes.h"
#include "four_channels.h"
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

// Four channels of one output in int8, over `rows` lines of `columns` pixels from `corner` on.
__attribute__((always_inline)) static inline void nn_pool_four(const struct nn_pool_2d *l, const int8_t *corner, int32_t rows,
                                                               int32_t columns, int8_t *output, int average) {
    const int32_t step = l->channels, line = l->input_width * step;
    const int activation = l->minimum > INT8_MIN || l->maximum < INT8_MAX;
    struct nn_four_sums sums = {0};
    struct nn_four_maxima maxima = NN_LOWEST_FOUR;
    for (const int8_t *const end = corner + rows * line; corner != end; corner += line) {
        const int8_t *at = corner;
#pragma GCC unroll 2
        for (int32_t left = columns; left > 0; left--, at += step) {
            if (average)
                nn_add_four(&sums, at);
            else
                nn_raise_four(&maxima, at);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const int32_t code = average ? nn_average(nn_sum_of(&sums, i), rows * columns) : nn_maximum_of(&maxima, i);
        output[i] = (int8_t)(activation ? nn_clamp(code, l->minimum, l->maximum) : code); // neither leaves int8
    }
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
            const int quick =
                bits == 8 && count <= NN_MOST_PIXELS && l->kernel_height * l->kernel_width >= NN_FEWEST_PIXELS;
            const int32_t fours = quick ? channels / 4 * 4 : 0; // taken four at once
            for (int32_t c = 0; c < fours; c += 4)
                nn_pool_four(l, (const int8_t *)input + corner + c, rows.end - rows.begin, width,
                             (int8_t *)output + out + c, average);
            for (int32_t c = fours; c < channels; c++) {
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
                nn_store(output, out + c, nn_clamp(average ? nn_average(sum, count) : largest, l->minimum, l->maximum), bits);
            }
            out += channels;
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
