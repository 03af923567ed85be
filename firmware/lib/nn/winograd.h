// Convolutions of 3x3 and stride 1 in Winograd's form F(2x2, 3x3): a tile of 2x2 outputs takes 16 products per input channel instead of
// 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). In integers, with A, B and 2G of 0, +-1 and 2,
//
//     4 * outputs = A (sum over input channels of (2G) g (2G)^T * B d B^T) A^T        (* is element by element)
//
// is exact: a patch d of 4x4 int8 becomes at most 4 * 128 and weights g at most 9 * 128, so both fit int16; products and sums wrap
// modulo 2^32, and the compiler proves that 4 * outputs fit.
//
// The last row of B is negated, and that of G with it; rows and columns of the transform are in the order 1, 2, 0, 3. Then both
// outputs of a dimension are
//     m0 + m1 + m2   and   m0 - m1 + m3.
// A sum runs on from m0 through m1 to m2; the second output's starts with 2 * m0 - (m0 + m1).
//
// Two tiles side by side are computed together, four output channels at a time. The stream of words, per quad of channels:
//     weights   for each column of the transform: what the sums of the four channels start with, which is 4 * bias in the first
//               column and 0 in the others; then for each row of the transform and pair of inputs the four channels' pairs
//     epilogue  m, C, S of each channel (matmul_2x4.h), for accumulators scaled by 4 with a ReLU and by 2 without
#pragma once
#include "output_form.h"
#include "panel.h"
#include "window.h"

struct nn_conv_2d_winograd {
    const uint32_t *stream;
    // Of two tiles and the stream to the upper and the lower four outputs of each channel: pairs of input channels, quads of output
    // channels, bytes from one output pixel to the next.
    void (*products)(const uint32_t *, const uint32_t *, int8_t *, int8_t *, uint32_t, uint32_t, uint32_t);
    int16_t input_height, input_width, input_channels;
    int16_t output_height, output_width, output_channels;
    int16_t pad_top, pad_left;
    int8_t input_zero_point;
};

enum { NN_PATCH_ROWS = 4, NN_PATCH_COLUMNS = 6 }; // of two tiles

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define NN_HALVES(name, instruction, operation)                                                                        \
    static inline uint32_t name(uint32_t a, uint32_t b) {                                                              \
        uint32_t result;                                                                                               \
        __asm__(instruction " %0,%1,%2" : "=r"(result) : "r"(a), "r"(b));                                              \
        return result;                                                                                                 \
    }
#else
#define NN_HALVES(name, instruction, operation)                                                                        \
    static inline uint32_t name(uint32_t a, uint32_t b) {                                                              \
        return (uint16_t)(a operation b) | (uint32_t)(uint16_t)((a >> 16) operation (b >> 16)) << 16;                  \
    }
#endif
NN_HALVES(nn_add_halves, "sadd16", +)
NN_HALVES(nn_subtract_halves, "ssub16", -)

// Transforms the columns of a patch, which has `row` bytes from one row to the next. For each pair of channels, up to a multiple of
// four channels, and each row of the transform `lines` gets the six columns.
static inline void nn_winograd_columns(const int8_t *patch, int32_t row, int32_t channels, uint32_t *lines) {
    for (uint32_t *column = lines; column != lines + NN_PATCH_COLUMNS; column++, patch += channels) {
        const int8_t *const rows[NN_PATCH_ROWS] = {patch, patch + row, patch + 2 * row, patch + 3 * row};
        uint32_t *to = column;
        for (int32_t at = 0; at < channels; at += 4) {
            uint32_t words[NN_PATCH_ROWS];
#pragma GCC unroll 4
            for (int i = 0; i < NN_PATCH_ROWS; i++) memcpy(&words[i], rows[i] + at, 4);
#pragma GCC unroll 2
            for (int odd = 0; odd < 2; odd++, to += 4 * NN_PATCH_COLUMNS) {
                uint32_t d[NN_PATCH_ROWS];
#pragma GCC unroll 4
                for (int i = 0; i < NN_PATCH_ROWS; i++) d[i] = odd ? nn_odd_bytes(words[i]) : nn_even_bytes(words[i]);
                to[0 * NN_PATCH_COLUMNS] = nn_add_halves(d[1], d[2]);
                to[1 * NN_PATCH_COLUMNS] = nn_subtract_halves(d[2], d[1]);
                to[2 * NN_PATCH_COLUMNS] = nn_subtract_halves(d[0], d[2]);
                to[3 * NN_PATCH_COLUMNS] = nn_subtract_halves(d[3], d[1]);
            }
        }
    }
}

// Transforms the lines of six columns, up to `end`. For each row of the transform, pair of channels and column of the transform
// `tiles` gets the words of both tiles; `row` bytes from one row of the transform to the next.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
__attribute__((naked, noinline)) static void nn_winograd_lines(
    __attribute__((unused)) const uint32_t *lines, __attribute__((unused)) const uint32_t *end,
    __attribute__((unused)) uint32_t *tiles, __attribute__((unused)) uint32_t row) {
    __asm__ volatile(
        "push {r4-r11,lr}\n mov lr,r1\n mov r1,r2\n mov r12,r3\n"
        "1:\n"
        ".rept 4\n"
        "ldm r0!,{r6-r11}\n sadd16 r2,r7,r8\n sadd16 r3,r9,r10\n ssub16 r4,r8,r7\n ssub16 r5,r10,r9\n ssub16 r6,r6,r8\n"
        "ssub16 r8,r8,r10\n ssub16 r10,r9,r7\n ssub16 r11,r11,r9\n stm r1,{r2,r3,r4,r5,r6,r8,r10,r11}\n add r1,r12\n"
        ".endr\n"
        "sub r1,r1,r12,lsl #2\n adds r1,#32\n cmp r0,lr\n bne 1b\n"
        "pop {r4-r11,pc}\n");
}
#else
static inline void nn_winograd_lines(const uint32_t *lines, const uint32_t *end, uint32_t *tiles, uint32_t row) {
    for (; lines != end; tiles += 8)
        for (uint32_t i = 0; i < 4; i++, lines += NN_PATCH_COLUMNS)
            for (uint32_t tile = 0; tile < 2; tile++) {
                const uint32_t *const d = lines + 2 * tile;
                uint32_t *const to = tiles + i * (row / 4) + tile;
                to[0] = nn_add_halves(d[1], d[2]);
                to[2] = nn_subtract_halves(d[2], d[1]);
                to[4] = nn_subtract_halves(d[0], d[2]);
                to[6] = nn_subtract_halves(d[3], d[1]);
            }
}
#endif

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// One sum of products. In its loop: r0-r7 sums (both tiles of a channel, then of the next), r8 r9 tiles, r10 r11 weights, r12 tiles,
// lr stream. All its instructions take 4 bytes, so that a turn can start inside it. A turn takes up to 16 pairs of inputs; where
// one is enough, the first jump leads there at once, and the condition Z, which the start of a column sets, ends the sum.
#define NN_WINOGRAD_SUM                                                                                                \
    "ldr.w r9,[sp,#0]\n add pc,r9\n nop\n"                                                                             \
    "ldr.w r8,[sp,#8]\n ldr.w r9,[sp,#4]\n subs.w r8,r8,#1\n str.w r8,[sp,#12]\n add pc,r9\n nop\n"                    \
    "3: ldr.w r8,[sp,#12]\n subs.w r8,r8,#1\n str.w r8,[sp,#12]\n"                                                     \
    ".rept 16\n"                                                                                                       \
    "ldrd r8,r9,[r12],#32\n ldrd r10,r11,[lr],#8\n"                                                                    \
    "smlad r0,r8,r10,r0\n smlad r1,r9,r10,r1\n smlad r2,r8,r11,r2\n smlad r3,r9,r11,r3\n ldrd r10,r11,[lr],#8\n"      \
    "smlad r4,r8,r10,r4\n smlad r5,r9,r10,r5\n smlad r6,r8,r11,r6\n smlad r7,r9,r11,r7\n"                             \
    ".endr\n"                                                                                                          \
    "bne.w 3b\n"
// Four outputs of a tile and channel, from the sums at r11 + `at`: r2 r3 above, r4 r5 below.
#define NN_WINOGRAD_OUTPUTS(REQUANTISE, SCALE, at)                                                                     \
    "ldr r0,[r11,#0+" at "]\n ldr r1,[r11,#32+" at "]\n ldr r2,[r11,#64+" at "]\n ldr r3,[r11,#96+" at "]\n"            \
    "add r2,r0\n add r3,r0\n add r2,r1\n sub r3,r1\n"                                                                  \
    "ldr r0,[r11,#128+" at "]\n ldr r1,[r11,#160+" at "]\n ldr r4,[r11,#192+" at "]\n ldr r5,[r11,#224+" at "]\n"       \
    "add r4,r0\n add r5,r0\n add r4,r1\n sub r5,r1\n"                                                                  \
    SCALE("r2") SCALE("r3") SCALE("r4") SCALE("r5") REQUANTISE("r2") REQUANTISE("r3") REQUANTISE("r4") REQUANTISE("r5")
#define NN_FROM_4_TO_2(sum) "asr " sum ",#1\n"
#define NN_WINOGRAD_LINEAR(sum) NN_LINEAR_BY(sum, "r1")
#define NN_WINOGRAD(name, REQUANTISE, SCALE)                                                                           \
    __attribute__((naked, noinline, unused)) static void name(                                                         \
        __attribute__((unused)) const uint32_t *tiles, __attribute__((unused)) const uint32_t *stream,                 \
        __attribute__((unused)) int8_t *top, __attribute__((unused)) int8_t *bottom,                                   \
        __attribute__((unused)) uint32_t pairs, __attribute__((unused)) uint32_t quads,                                \
        __attribute__((unused)) uint32_t pixel) {                                                                      \
        __asm__ volatile(                                                                                              \
            /* 0 first jump, 4 jump of the first turn, 8 turns, 12 turns left, 16 tiles, 20 top, 24 bottom, 28 place among */ \
            /* the sums, 32 m0, 64 m0 + m1, 96 sums of each row of outputs and column; 388 pairs, 392 quads, 396 pixel */ \
            "push {r4-r11,lr}\n sub.w sp,#352\n str r0,[sp,#16]\n str r2,[sp,#20]\n str r3,[sp,#24]\n mov lr,r1\n"     \
            "ldr r4,[sp,#388]\n subs r4,#1\n lsrs r6,r4,#4\n adds r6,#1\n and r5,r4,#15\n rsb r5,r5,#15\n"             \
            "movs r7,#44\n mul r5,r7\n add r7,r5,#12\n movs r4,#0\n cmp r6,#1\n it eq\n addeq r4,r5,#32\n"             \
            "str r4,[sp,#0]\n str r7,[sp,#4]\n str r6,[sp,#8]\n"                                                       \
            "1: add r11,sp,#96\n"                                                                                      \
            "2: str r11,[sp,#28]\n ldr r12,[sp,#16]\n"                                                                 \
            "ldm lr!,{r0,r2,r4,r6}\n mov r1,r0\n mov r3,r2\n mov r5,r4\n mov r7,r6\n cmp r0,r0\n"                     \
            NN_WINOGRAD_SUM "add r8,sp,#32\n stm r8,{r0-r7}\n"                                                         \
            NN_WINOGRAD_SUM "add r8,sp,#64\n stm r8,{r0-r7}\n"                                                         \
            NN_WINOGRAD_SUM "ldr r8,[sp,#28]\n stm r8,{r0-r7}\n"                                                       \
            "add r8,sp,#32\n ldm r8!,{r0-r7}\n"                                                                        \
            "ldm r8!,{r9,r10,r11}\n rsb r0,r9,r0,lsl #1\n rsb r1,r10,r1,lsl #1\n rsb r2,r11,r2,lsl #1\n"              \
            "ldm r8!,{r9,r10,r11}\n rsb r3,r9,r3,lsl #1\n rsb r4,r10,r4,lsl #1\n rsb r5,r11,r5,lsl #1\n"              \
            "ldm r8!,{r9,r10}\n rsb r6,r9,r6,lsl #1\n rsb r7,r10,r7,lsl #1\n"                                         \
            NN_WINOGRAD_SUM "ldr r11,[sp,#28]\n add r8,r11,#128\n stm r8,{r0-r7}\n"                                    \
            "ldr r12,[sp,#16]\n add r11,#32\n add r12,#8\n str r12,[sp,#16]\n add r8,sp,#224\n cmp r11,r8\n bne.w 2b\n" \
            "sub r12,#32\n str r12,[sp,#16]\n"                                                                         \
            "add r11,sp,#96\n ldr r12,[sp,#20]\n ldr r6,[sp,#24]\n ldr r7,[sp,#396]\n"                                 \
            "4: ldm lr!,{r8,r9,r10}\n"                                                                                 \
            NN_WINOGRAD_OUTPUTS(REQUANTISE, SCALE, "0")                                                                \
            "strb r2,[r12]\n strb r3,[r12,r7]\n strb r4,[r6]\n strb r5,[r6,r7]\n"                                      \
            NN_WINOGRAD_OUTPUTS(REQUANTISE, SCALE, "4")                                                                \
            "add r0,r7,r7,lsl #1\n"                                                                                    \
            "strb r2,[r12,r7,lsl #1]\n strb r3,[r12,r0]\n strb r4,[r6,r7,lsl #1]\n strb r5,[r6,r0]\n"                  \
            "add r12,#1\n adds r6,#1\n add r11,#8\n add r0,sp,#128\n cmp r11,r0\n bne 4b\n"                            \
            "str r12,[sp,#20]\n str r6,[sp,#24]\n ldr r8,[sp,#392]\n subs r8,#1\n str r8,[sp,#392]\n bne.w 1b\n"       \
            "add sp,#352\n pop {r4-r11,pc}\n");                                                                        \
    }
NN_WINOGRAD(nn_winograd_relu, NN_RELU, NN_NOTHING)
NN_WINOGRAD(nn_winograd_linear, NN_WINOGRAD_LINEAR, NN_FROM_4_TO_2)
#else
// The same arithmetic for a PC.
static inline void nn_winograd(const uint32_t *tiles, const uint32_t *stream, int8_t *top, int8_t *bottom, uint32_t pairs,
                               uint32_t quads, uint32_t pixel, int relu) {
    for (; quads > 0; quads--) {
        const uint32_t *const epilogue = stream + 4 * (4 + 16 * pairs);
        for (uint32_t channel = 0; channel < 4; channel++, top++, bottom++)
            for (uint32_t tile = 0; tile < 2; tile++) {
                uint32_t sums[2][4];
                for (uint32_t column = 0; column < 4; column++) {
                    const uint32_t *const start = stream + column * (4 + 16 * pairs);
                    uint32_t m[4] = {start[channel], 0, 0, 0};
                    for (uint32_t row = 0; row < 4; row++)
                        for (uint32_t pair = 0; pair < pairs; pair++) {
                            const uint32_t place = row * pairs + pair;
                            const uint32_t d = tiles[(place * 4 + column) * 2 + tile], g = start[4 + place * 4 + channel];
                            m[row] += (uint32_t)((int16_t)d * (int16_t)g) + (uint32_t)((int16_t)(d >> 16) * (int16_t)(g >> 16));
                        }
                    sums[0][column] = m[0] + m[1] + m[2];
                    sums[1][column] = m[0] - m[1] + m[3];
                }
                const struct nn_short c = nn_constants(epilogue + 3 * channel);
                for (uint32_t row = 0; row < 2; row++) {
                    int8_t *const out = (row ? bottom : top) + 2 * tile * pixel;
                    const uint32_t *const m = sums[row];
                    for (uint32_t column = 0; column < 2; column++) {
                        const int32_t sum = (int32_t)(column ? m[0] - m[1] + m[3] : m[0] + m[1] + m[2]);
                        out[column * pixel] = relu ? nn_short_relu(&c, sum) : nn_short_linear(&c, sum >> 1);
                    }
                }
            }
        stream = epilogue + 12;
    }
}

static inline void nn_winograd_relu(const uint32_t *tiles, const uint32_t *stream, int8_t *top, int8_t *bottom,
                                    uint32_t pairs, uint32_t quads, uint32_t pixel) {
    nn_winograd(tiles, stream, top, bottom, pairs, quads, pixel, 1);
}

static inline void nn_winograd_linear(const uint32_t *tiles, const uint32_t *stream, int8_t *top, int8_t *bottom,
                                      uint32_t pairs, uint32_t quads, uint32_t pixel) {
    nn_winograd(tiles, stream, top, bottom, pairs, quads, pixel, 0);
}
#endif

static inline uint32_t nn_winograd_pairs(const struct nn_conv_2d_winograd *l) {
    return ((uint32_t)l->input_channels + 3) / 4 * 2;
}

// Copies a patch from (top, left) on, with the zero point where that is outside the image.
static inline void nn_winograd_gather(const struct nn_conv_2d_winograd *l, const int8_t *input, int32_t top, int32_t left,
                                      int8_t *patch) {
    const uint32_t padding = (uint8_t)l->input_zero_point * 0x01010101u;
    const int32_t channels = l->input_channels;
    const struct nn_window columns = nn_window(0, 1, -left, NN_PATCH_COLUMNS, 1, l->input_width);
    const int8_t *from = input + (top * l->input_width + left + columns.begin) * channels;
    for (int32_t y = top; y < top + NN_PATCH_ROWS; y++, from += l->input_width * channels) {
        const int32_t within = y >= 0 && y < l->input_height ? columns.end - columns.begin : 0;
        patch = nn_fill(patch, padding, columns.begin * channels);
        if (within > 0) patch = nn_copy(patch, from, within * channels);
        patch = nn_fill(patch, padding, (NN_PATCH_COLUMNS - columns.begin - within) * channels);
    }
}

// The transformed patch of the outputs from (y, x) on. `lines` is scratch; the patch may be put where the tiles will be.
static inline void nn_winograd_tiles(const struct nn_conv_2d_winograd *l, const int8_t *input, int32_t y, int32_t x,
                                     uint32_t *tiles, uint32_t *lines) {
    const int32_t channels = l->input_channels, top = y - l->pad_top, left = x - l->pad_left;
    const uint32_t pairs = nn_winograd_pairs(l);
    const int8_t *patch = (const int8_t *)tiles;
    int32_t row = NN_PATCH_COLUMNS * channels;
    // Up to 3 bytes past the end of a pixel are read: not in the image's last row.
    const int32_t bottom = top + NN_PATCH_ROWS + (channels % 4 != 0);
    if (top >= 0 && left >= 0 && bottom <= l->input_height && left + NN_PATCH_COLUMNS <= l->input_width) {
        row = l->input_width * channels;
        patch = input + top * row + left * channels;
    } else {
        nn_winograd_gather(l, input, top, left, (int8_t *)tiles);
    }
    nn_winograd_columns(patch, row, channels, lines);
    nn_winograd_lines(lines, lines + 4 * NN_PATCH_COLUMNS * pairs, tiles, 32 * pairs);
}

// `quads` quads of channels of the outputs from (y, x) on, which `output` points at. `spare` takes those of eight pixels.
static inline void nn_winograd_outputs(const struct nn_conv_2d_winograd *l, const uint32_t *tiles, const uint32_t *stream,
                                       int32_t y, int32_t x, int32_t channels, int8_t *output, int8_t *spare) {
    const uint32_t pairs = nn_winograd_pairs(l), quads = ((uint32_t)channels + 3) / 4;
    const int32_t rows = l->output_height - y, columns = l->output_width - x, row = l->output_width * l->output_channels;
    if (rows >= 2 && columns >= 4 && channels % 4 == 0) {
        l->products(tiles, stream, output, output + row, pairs, quads, (uint32_t)l->output_channels);
        return;
    }
    l->products(tiles, stream, spare, spare + 16 * quads, pairs, quads, 4 * quads);
    for (int32_t i = 0; i < 2 && i < rows; i++)
        for (int32_t j = 0; j < 4 && j < columns; j++)
            (void)nn_copy(output + i * row + j * l->output_channels, spare + (4 * i + j) * 4 * (int32_t)quads, channels);
}
