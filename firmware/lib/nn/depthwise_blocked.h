// DEPTHWISE_CONV_2D with four outputs of a line at a time, so that every weight that is loaded serves four of them, and most
// inputs serve several; depthwise_plane.h has the rest. The weights are bytes, [kernel row][kernel column].
#pragma once
#include "depthwise_plane.h"

#if defined(__thumb__) && !defined(__thumb2__)
enum { NN_DEPTHWISE_UNROLLED = 1 };
#else
enum { NN_DEPTHWISE_UNROLLED = 8 };
#endif

__attribute__((always_inline)) static inline void nn_depthwise_blocked(const struct nn_depthwise_shape *s,
                                                                       const uint32_t *weights, int32_t bias,
                                                                       const struct nn_short *constants, const int16_t *at,
                                                                       int8_t *out) {
    const int32_t stride = s->column_stride, step = s->output_column_step;
    int32_t left = s->output_columns;
    for (; left >= 4; left -= 4, at += 4 * stride, out += 4 * step) {
        const int8_t *w = (const int8_t *)weights;
        const int16_t *row = at;
        int32_t a = bias, b = bias, c = bias, d = bias;
#pragma GCC unroll NN_DEPTHWISE_UNROLLED
        for (int32_t rows = s->kernel_rows; rows > 0; rows--, row += s->row_dilation * s->plane_columns) {
#pragma GCC unroll 8
            for (int32_t tap = 0; tap < s->taps; tap++, w++) {
                const int16_t *const x = row + tap * s->tap_step;
                a += *w * x[0];
                b += *w * x[stride];
                c += *w * x[2 * stride];
                d += *w * x[3 * stride];
            }
            __asm__ volatile("" ::: "memory"); // loads that move up from the next row would push the sums out of the registers
        }
        out[0] = nn_output_form(s->form, constants, a);
        out[step] = nn_output_form(s->form, constants, b);
        out[2 * step] = nn_output_form(s->form, constants, c);
        out[3 * step] = nn_output_form(s->form, constants, d);
    }
    for (; left > 0; left--, at += stride, out += step) {
        const int8_t *w = (const int8_t *)weights;
        const int16_t *row = at;
        int32_t sum = bias;
        for (int32_t rows = s->kernel_rows; rows > 0; rows--, row += s->row_dilation * s->plane_columns)
#pragma GCC unroll 8
            for (int32_t tap = 0; tap < s->taps; tap++, w++) sum += *w * row[tap * s->tap_step];
        *out = nn_output_form(s->form, constants, sum);
    }
}
