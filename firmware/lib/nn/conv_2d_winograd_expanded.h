// CONV_2D in Winograd's form (winograd.h) with weights in flash as they are, nine bytes, for layers of many weights and few
// pixels. They are transformed when they are needed, four output channels at a time, for a batch of pairs of tiles.
//
// The stream of words, per quad of output channels:
//     bias      4 * bias of each
//     weights   for each four input channels and each output channel: the bytes of the four, for each row and column of the kernel
//     epilogue  as there
#pragma once
#include "winograd.h"

// A row of the transform from three weights; `column` is how far its elements are apart.
static inline void nn_winograd_row(uint32_t left, uint32_t middle, uint32_t right, uint32_t *to, uint32_t column) {
    const uint32_t ends = nn_add_halves(left, right);
    to[0] = nn_add_halves(ends, middle);
    to[column] = nn_subtract_halves(ends, middle);
    to[2 * column] = nn_add_halves(left, left);
    to[3 * column] = nn_add_halves(right, right);
}

// A quad of the stream to one of winograd.h; returns the next quad.
static inline const uint32_t *nn_winograd_expand(const uint32_t *from, uint32_t pairs, uint32_t *to) {
    const uint32_t row = 4 * pairs, column = 4 + 4 * row;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 1; j < 4; j++) to[j * column + i] = 0;
        to[i] = *from++;
    }
    for (uint32_t pair = 0; pair < pairs; pair += 2)
        for (uint32_t channel = 0; channel < 4; channel++, from += 9) {
            uint32_t *at = to + 4 + 4 * pair + channel;
#pragma GCC unroll 2
            for (int odd = 0; odd < 2; odd++, at += 4) {
                uint32_t top[3], bottom[3];
#pragma GCC unroll 3
                for (int x = 0; x < 3; x++) {
                    top[x] = odd ? nn_odd_bytes(from[x]) : nn_even_bytes(from[x]);
                    bottom[x] = odd ? nn_odd_bytes(from[6 + x]) : nn_even_bytes(from[6 + x]);
                }
                nn_winograd_row(nn_add_halves(top[0], top[0]), nn_add_halves(top[1], top[1]), nn_add_halves(top[2], top[2]),
                                at + 2 * row, column);
                nn_winograd_row(nn_add_halves(bottom[0], bottom[0]), nn_add_halves(bottom[1], bottom[1]),
                                nn_add_halves(bottom[2], bottom[2]), at + 3 * row, column);
#pragma GCC unroll 3
                for (int x = 0; x < 3; x++) {
                    const uint32_t ends = nn_add_halves(top[x], bottom[x]);
                    const uint32_t middle = odd ? nn_odd_bytes(from[3 + x]) : nn_even_bytes(from[3 + x]);
                    top[x] = nn_add_halves(ends, middle);
                    bottom[x] = nn_subtract_halves(ends, middle);
                }
                nn_winograd_row(top[0], top[1], top[2], at, column);
                nn_winograd_row(bottom[0], bottom[1], bottom[2], at + row, column);
            }
        }
    memcpy(to + 4 * column, from, 12 * sizeof *from);
    return from + 12;
}

struct nn_corner {
    int32_t y, x;
};

static inline struct nn_corner nn_next_corner(const struct nn_conv_2d_winograd *l, struct nn_corner at) {
    at.x += 4;
    if (at.x >= l->output_width) {
        at.x = 0;
        at.y += 2;
    }
    return at;
}

// `scratch`: the tiles of a batch; then the lines, later the expanded quad and its outputs of which not all are wanted.
static void nn_conv_2d_winograd_expanded(const struct nn_conv_2d_winograd *l, int32_t batch, const int8_t *input,
                                         int8_t *output, uint32_t *scratch) {
    const uint32_t pairs = nn_winograd_pairs(l);
    uint32_t *const quad = scratch + (uint32_t)batch * 32 * pairs;
    int8_t *const spare = (int8_t *)(quad + 4 * (4 + 16 * pairs) + 12);
    struct nn_corner begin = {0, 0};
    while (begin.y < l->output_height) {
        struct nn_corner end = begin;
        uint32_t *tiles = scratch;
        for (; tiles != quad && end.y < l->output_height; tiles += 32 * pairs, end = nn_next_corner(l, end))
            nn_winograd_tiles(l, input, end.y, end.x, tiles, quad);
        const uint32_t *const after = tiles;
        const uint32_t *stream = l->stream;
        for (int32_t channel = 0; channel < l->output_channels; channel += 4) {
            const int32_t left = l->output_channels - channel;
            struct nn_corner at = begin;
            stream = nn_winograd_expand(stream, pairs, quad);
            for (tiles = scratch; tiles != after; tiles += 32 * pairs, at = nn_next_corner(l, at))
                nn_winograd_outputs(l, tiles, quad, at.y, at.x, left < 4 ? left : 4,
                                    output + (at.y * l->output_width + at.x) * l->output_channels + channel, spare);
        }
        begin = end;
    }
}
