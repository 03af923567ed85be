// The inner products of convolutions and fully connected layers on cores without the DSP extension: as many sums at
// once as the registers hold, so that every weight and input that is loaded serves several of them. Eight on Armv7-M:
// two pixels by four channels, or one row by eight. Four of one pixel on Armv6-M, where only eight registers take part
// in arithmetic.
//
// The stream of words, per group of output channels (four in convolutions, eight in fully connected layers):
//     bias      a word a channel, the zero point of the input folded in
//     weights   for each input a byte a channel
//     epilogue  three words a channel, of output_form.h
#pragma once
#include "output_form.h"

#if defined(__thumb__) && !defined(__thumb2__)
enum { NN_OUTPUTS_UNROLLED = 1 };

// Of `groups` groups of four inputs, `step` bytes apart; the weights of an input take `channels` bytes.
#define NN_FOUR_SUMS(name, step, channels)                                                                             \
    __attribute__((noinline, unused)) static void name(const int8_t *x, const int8_t *w, uint32_t groups,              \
                                                       int32_t *sums) {                                                \
        const int8_t *const end = x + (step) * groups;                                                                 \
        int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];                                                    \
        do {                                                                                                           \
            _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++, w += (channels)) {                                     \
                uint32_t weights; /* taking them from a word is cheaper than loading each */                           \
                __builtin_memcpy(&weights, __builtin_assume_aligned(w, 4), 4);                                         \
                a += x[i] * (int8_t)weights;                                                                           \
                b += x[i] * (int8_t)(weights >> 8);                                                                    \
                c += x[i] * (int8_t)(weights >> 16);                                                                   \
                d += x[i] * (int8_t)(weights >> 24);                                                                   \
            }                                                                                                          \
            x += (step);                                                                                               \
        } while (x != end);                                                                                            \
        sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;                                                            \
    }
NN_FOUR_SUMS(nn_four_sums_of_two, 8, 4)
NN_FOUR_SUMS(nn_four_sums_of_one, 4, 8)

static inline void nn_sums_2x4(const int8_t *x, const int8_t *w, uint32_t groups, int32_t *first, int32_t *second) {
    nn_four_sums_of_two(x, w, groups, first);
    nn_four_sums_of_two(x + 4, w, groups, second);
}

static inline void nn_sums_1x8(const int8_t *x, const int8_t *w, uint32_t groups, int32_t *sums) {
    nn_four_sums_of_one(x, w, groups, sums);
    nn_four_sums_of_one(x, w + 4, groups, sums + 4);
}
#else
enum { NN_OUTPUTS_UNROLLED = 8 };

__attribute__((always_inline)) static inline void nn_sums_2x4(const int8_t *x, const int8_t *w, uint32_t groups,
                                                              int32_t *first, int32_t *second) {
    // Plain variables: of arrays the compiler keeps too few in registers.
    int32_t a = first[0], b = first[1], c = first[2], d = first[3];
    int32_t e = second[0], f = second[1], g = second[2], h = second[3];
    const int8_t *const end = x + 8 * groups;
    do {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++, w += 4) {
            const int32_t p = x[i], q = x[4 + i];
            a += w[0] * p, e += w[0] * q;
            b += w[1] * p, f += w[1] * q;
            c += w[2] * p, g += w[2] * q;
            d += w[3] * p, h += w[3] * q;
        }
        x += 8;
    } while (x != end);
    first[0] = a, first[1] = b, first[2] = c, first[3] = d;
    second[0] = e, second[1] = f, second[2] = g, second[3] = h;
}

__attribute__((always_inline)) static inline void nn_sums_1x8(const int8_t *x, const int8_t *w, uint32_t groups,
                                                              int32_t *sums) {
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];
    const int8_t *const end = x + 4 * groups;
    do {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++, w += 8) {
            const int32_t p = x[i];
            a += w[0] * p, b += w[1] * p, c += w[2] * p, d += w[3] * p;
            e += w[4] * p, f += w[5] * p, g += w[6] * p, h += w[7] * p;
        }
        x += 8;
    } while (x != end);
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d, sums[4] = e, sums[5] = f, sums[6] = g, sums[7] = h;
}
#endif

// All channels of two pixels. The panel holds four inputs of the first pixel, four of the second, and so on, `bytes` in
// all; 4 * quads outputs are written to `first` and to `second`.
__attribute__((always_inline)) static inline void nn_blocked_2x4(const uint32_t *panel, const uint32_t *stream,
                                                                 int8_t *first, int8_t *second, uint32_t bytes,
                                                                 uint32_t quads, enum nn_form form) {
    for (; quads > 0; quads--) {
        int32_t sums[2][4];
#pragma GCC unroll NN_OUTPUTS_UNROLLED
        for (int i = 0; i < 4; i++) sums[0][i] = sums[1][i] = (int32_t)*stream++;
        nn_sums_2x4((const int8_t *)panel, (const int8_t *)stream, bytes / 8, sums[0], sums[1]);
        stream += bytes / 2;
#pragma GCC unroll NN_OUTPUTS_UNROLLED
        for (int i = 0; i < 4; i++, stream += 3) {
            const struct nn_short c = nn_constants(stream);
            *first++ = nn_output_form(form, &c, sums[0][i]);
            *second++ = nn_output_form(form, &c, sums[1][i]);
        }
    }
}

static inline void nn_blocked_2x4_relu(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                       uint32_t bytes, uint32_t quads) {
    nn_blocked_2x4(panel, stream, first, second, bytes, quads, NN_FORM_RELU);
}

static inline void nn_blocked_2x4_linear(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                         uint32_t bytes, uint32_t quads) {
    nn_blocked_2x4(panel, stream, first, second, bytes, quads, NN_FORM_LINEAR);
}

static inline void nn_blocked_2x4_long(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                       uint32_t bytes, uint32_t quads) {
    nn_blocked_2x4(panel, stream, first, second, bytes, quads, NN_FORM_LONG);
}

// One row of inputs, a multiple of 8; 8 * octets outputs are written.
__attribute__((always_inline)) static inline void nn_blocked_1x8(const int8_t *input, const uint32_t *stream,
                                                                 int8_t *output, uint32_t inputs, uint32_t octets,
                                                                 enum nn_form form) {
    for (; octets > 0; octets--) {
        int32_t sums[8];
#pragma GCC unroll NN_OUTPUTS_UNROLLED
        for (int i = 0; i < 8; i++) sums[i] = (int32_t)*stream++;
        nn_sums_1x8(input, (const int8_t *)stream, inputs / 4, sums);
        stream += 2 * inputs;
#pragma GCC unroll NN_OUTPUTS_UNROLLED
        for (int i = 0; i < 8; i++, stream += 3) {
            const struct nn_short c = nn_constants(stream);
            *output++ = nn_output_form(form, &c, sums[i]);
        }
    }
}

static inline void nn_blocked_1x8_relu(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                       uint32_t octets) {
    nn_blocked_1x8(input, stream, output, inputs, octets, NN_FORM_RELU);
}

static inline void nn_blocked_1x8_linear(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                         uint32_t octets) {
    nn_blocked_1x8(input, stream, output, inputs, octets, NN_FORM_LINEAR);
}

static inline void nn_blocked_1x8_long(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                       uint32_t octets) {
    nn_blocked_1x8(input, stream, output, inputs, octets, NN_FORM_LONG);
}
