// The inner products of convolutions and fully connected layers on Armv6-M, as those of matmul_blocked.h: two pixels by four
// channels, or one row by eight. They take weights as unsigned bytes, 128 more than they are, because that core loads an
// unsigned byte from an address plus an offset in one instruction, and a signed one in two. What this adds to a sum is 128
// times the sum of the inputs, which is taken off the biases. All of it wraps at 32 bits; the sum without the 128 fits.
//
// The stream of words is that of matmul_blocked.h but for the weights. The kernels are bound by registers: eight sums at a
// time need the upper ones, which only ADD and MOV reach, so they are in assembly.
#pragma once
#include "output_form.h"

enum { NN_UNSIGNED_OFFSET = 128 };

#if defined(__thumb__) && !defined(__thumb2__)
// Arguments: r0 inputs, r1 weights, r2 the end of the inputs, r3 the eight sums, which are kept in r8 to r12, lr, r5 and r6.
#define NN_ENTER                                                                                                       \
    ".syntax unified\n push {r4-r7,lr}\n mov r4,r8\n mov r5,r9\n mov r6,r10\n mov r7,r11\n push {r3-r7}\n mov r7,r2\n"  \
    "ldm r3!,{r4-r6}\n mov r8,r4\n mov r9,r5\n mov r10,r6\n ldm r3!,{r4-r6}\n mov r11,r4\n mov r12,r5\n mov lr,r6\n"   \
    "ldm r3!,{r5,r6}\n1:\n"
#define NN_LEAVE(input_bytes, weight_bytes)                                                                            \
    "adds r0,#" input_bytes "\n adds r1,#" weight_bytes "\n cmp r0,r7\n bne 1b\n"                                      \
    "pop {r3}\n mov r0,r8\n mov r1,r9\n mov r2,r10\n stm r3!,{r0-r2}\n mov r0,r11\n mov r1,r12\n mov r2,lr\n"          \
    "stm r3!,{r0-r2,r5,r6}\n pop {r4-r7}\n mov r8,r4\n mov r9,r5\n mov r10,r6\n mov r11,r7\n pop {r4-r7,pc}\n"
#define NN_INPUT(to, offset) "ldrb " to ",[r0,#" offset "]\n sxtb " to "," to "\n"
#define NN_TIMES(sum, input, offset) "ldrb r4,[r1,#" offset "]\n muls r4," input "\n add " sum ",r4\n"
#define NN_CHANNEL(offset, first, second) NN_TIMES(first, "r2", offset) NN_TIMES(second, "r3", offset)
#define NN_TWO_INPUTS(first, second, c0, c1, c2, c3)                                                                   \
    NN_INPUT("r2", first) NN_INPUT("r3", second) NN_CHANNEL(c0, "r8", "r9") NN_CHANNEL(c1, "r10", "r11")               \
    NN_CHANNEL(c2, "r12", "lr") NN_CHANNEL(c3, "r5", "r6")
#define NN_ONE_INPUT(input, c0, c1, c2, c3, c4, c5, c6, c7)                                                            \
    NN_INPUT("r2", input) NN_TIMES("r8", "r2", c0) NN_TIMES("r9", "r2", c1) NN_TIMES("r10", "r2", c2)                  \
    NN_TIMES("r11", "r2", c3) NN_TIMES("r12", "r2", c4) NN_TIMES("lr", "r2", c5) NN_TIMES("r5", "r2", c6)              \
    NN_TIMES("r6", "r2", c7)

// Sums of a channel for both pixels lie side by side.
__attribute__((naked, noinline, unused)) static void nn_unsigned_sums_2x4(
    __attribute__((unused)) const int8_t *x, __attribute__((unused)) const uint8_t *w,
    __attribute__((unused)) const int8_t *end, __attribute__((unused)) uint32_t *sums) {
    __asm__(NN_ENTER NN_TWO_INPUTS("0", "4", "0", "1", "2", "3") NN_TWO_INPUTS("1", "5", "4", "5", "6", "7")
                NN_TWO_INPUTS("2", "6", "8", "9", "10", "11") NN_TWO_INPUTS("3", "7", "12", "13", "14", "15")
                    NN_LEAVE("8", "16"));
}

__attribute__((naked, noinline, unused)) static void nn_unsigned_sums_1x8(
    __attribute__((unused)) const int8_t *x, __attribute__((unused)) const uint8_t *w,
    __attribute__((unused)) const int8_t *end, __attribute__((unused)) uint32_t *sums) {
    __asm__(NN_ENTER NN_ONE_INPUT("0", "0", "1", "2", "3", "4", "5", "6", "7")
                NN_ONE_INPUT("1", "8", "9", "10", "11", "12", "13", "14", "15")
                    NN_ONE_INPUT("2", "16", "17", "18", "19", "20", "21", "22", "23")
                        NN_ONE_INPUT("3", "24", "25", "26", "27", "28", "29", "30", "31") NN_LEAVE("4", "32"));
}
#else
__attribute__((unused)) static void nn_unsigned_sums_2x4(const int8_t *x, const uint8_t *w, const int8_t *end,
                                                         uint32_t *sums) {
    for (; x != end; x += 8)
        for (int i = 0; i < 4; i++, w += 4)
            for (int c = 0; c < 4; c++) {
                sums[2 * c] += (uint32_t)(w[c] * x[i]);
                sums[2 * c + 1] += (uint32_t)(w[c] * x[4 + i]);
            }
}

__attribute__((unused)) static void nn_unsigned_sums_1x8(const int8_t *x, const uint8_t *w, const int8_t *end,
                                                         uint32_t *sums) {
    for (; x != end; x++, w += 8)
        for (int c = 0; c < 8; c++) sums[c] += (uint32_t)(w[c] * *x);
}
#endif

// All channels of two pixels. The panel holds four inputs of the first pixel, four of the second, and so on, `bytes` in all;
// 4 * quads outputs are written to `first` and to `second`.
__attribute__((always_inline)) static inline void nn_unsigned_2x4(const uint32_t *panel, const uint32_t *stream,
                                                                  int8_t *first, int8_t *second, uint32_t bytes,
                                                                  uint32_t quads, enum nn_form form) {
    const int8_t *const x = (const int8_t *)panel, *const end = x + bytes;
    int32_t first_inputs = 0, second_inputs = 0;
    for (const int8_t *at = x; at != end; at += 8)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) first_inputs += at[i], second_inputs += at[4 + i];
    const uint32_t first_less = (uint32_t)(first_inputs * NN_UNSIGNED_OFFSET);
    const uint32_t second_less = (uint32_t)(second_inputs * NN_UNSIGNED_OFFSET);
    for (; quads > 0; quads--) {
        uint32_t sums[8];
        for (int i = 0; i < 4; i++, stream++) sums[2 * i] = *stream - first_less, sums[2 * i + 1] = *stream - second_less;
        nn_unsigned_sums_2x4(x, (const uint8_t *)stream, end, sums);
        stream += bytes / 2;
        for (int i = 0; i < 4; i++, stream += 3) {
            const struct nn_short c = nn_constants(stream);
            *first++ = nn_output_form(form, &c, (int32_t)sums[2 * i]);
            *second++ = nn_output_form(form, &c, (int32_t)sums[2 * i + 1]);
        }
    }
}

static inline void nn_unsigned_2x4_relu(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                        uint32_t bytes, uint32_t quads) {
    nn_unsigned_2x4(panel, stream, first, second, bytes, quads, NN_FORM_RELU);
}

static inline void nn_unsigned_2x4_linear(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                          uint32_t bytes, uint32_t quads) {
    nn_unsigned_2x4(panel, stream, first, second, bytes, quads, NN_FORM_LINEAR);
}

static inline void nn_unsigned_2x4_long(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                        uint32_t bytes, uint32_t quads) {
    nn_unsigned_2x4(panel, stream, first, second, bytes, quads, NN_FORM_LONG);
}

// One row of inputs, a multiple of 4; 8 * octets outputs are written.
__attribute__((always_inline)) static inline void nn_unsigned_1x8(const int8_t *input, const uint32_t *stream,
                                                                  int8_t *output, uint32_t inputs, uint32_t octets,
                                                                  enum nn_form form) {
    const int8_t *const end = input + inputs;
    int32_t of_inputs = 0;
    for (const int8_t *at = input; at != end; at++) of_inputs += *at;
    const uint32_t less = (uint32_t)(of_inputs * NN_UNSIGNED_OFFSET);
    for (; octets > 0; octets--) {
        uint32_t sums[8];
        for (int i = 0; i < 8; i++) sums[i] = *stream++ - less;
        nn_unsigned_sums_1x8(input, (const uint8_t *)stream, end, sums);
        stream += 2 * inputs;
        for (int i = 0; i < 8; i++, stream += 3) {
            const struct nn_short c = nn_constants(stream);
            *output++ = nn_output_form(form, &c, (int32_t)sums[i]);
        }
    }
}

static inline void nn_unsigned_1x8_relu(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                        uint32_t octets) {
    nn_unsigned_1x8(input, stream, output, inputs, octets, NN_FORM_RELU);
}

static inline void nn_unsigned_1x8_linear(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                          uint32_t octets) {
    nn_unsigned_1x8(input, stream, output, inputs, octets, NN_FORM_LINEAR);
}

static inline void nn_unsigned_1x8_long(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,
                                        uint32_t octets) {
    nn_unsigned_1x8(input, stream, output, inputs, octets, NN_FORM_LONG);
}
