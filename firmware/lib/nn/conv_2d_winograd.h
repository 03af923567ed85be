// CONV_2D in Winograd's form (winograd.h), with transformed weights in flash.
#pragma once
#include "winograd.h"

// `scratch`: the tiles; then the lines, or outputs of which not all are wanted.
static void nn_conv_2d_winograd(const struct nn_conv_2d_winograd *l, const int8_t *input, int8_t *output, uint32_t *scratch) {
    uint32_t *const lines = scratch + 32 * nn_winograd_pairs(l);
    for (int32_t y = 0; y < l->output_height; y += 2)
        for (int32_t x = 0; x < l->output_width; x += 4) {
            nn_winograd_tiles(l, input, y, x, scratch, lines);
            nn_winograd_outputs(l, scratch, l->stream, y, x, l->output_channels,
                                output + (y * l->output_width + x) * l->output_channels, (int8_t *)lines);
        }
}
