// The inner product of packed fully connected layers: eight outputs at a time of one row of inputs. The packing and the
// requantisation are those of matmul_2x4.h; the inputs are int8 and widened on the way, or were widened before, to pairs of
// int16 as SXTB16 makes them, where that pays.
//
// The stream of words, per octet of outputs in pairs a, b:
//     bias      256 * bias_a + bias_b, bias_b, of each pair
//     weights   for each pair of inputs (i, j) and each pair of outputs: {a,b packed}(i) | {a,b}(j) << 16; the inputs of a word
//               are paired (0, 2) and (1, 3), as SXTB16 leaves them
//     epilogue  m, C, S of each output
#pragma once
#include "matmul_2x4.h"

// `inputs` is a multiple of 4; 8 * octets outputs are written.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// In the inner loop: r0-r7 sums, r8 r9 inputs, r10 r11 weights, r12 inputs, lr stream. All its instructions take 4 bytes, so
// that the first turn can start inside it when the words of inputs are no multiple of 8.
#define NN_PAIR_OF_OUTPUTS(REQUANTISE, HIGH, LOW, high, low)                                                           \
    "ldm lr!,{r8,r9,r10}\n sub " high "," low "\n" HIGH(high) REQUANTISE(high) "strb " high ",[r11],#1\n"             \
    "ldm lr!,{r8,r9,r10}\n" LOW(low) REQUANTISE(low) "strb " low ",[r11],#1\n"
#define NN_MACS_OF_OUTPUTS(x, weights, high, low)                                                                      \
    "smlad " high "," x "," weights "," high "\n sxtb16 " weights "," weights "\n"                                    \
    "smlad " low "," x "," weights "," low "\n"
#define NN_MACS_OF_INPUTS(x)                                                                                           \
    "ldrd r10,r11,[lr],#8\n" NN_MACS_OF_OUTPUTS(x, "r10", "r0", "r1") NN_MACS_OF_OUTPUTS(x, "r11", "r2", "r3")         \
    "ldrd r10,r11,[lr],#8\n" NN_MACS_OF_OUTPUTS(x, "r10", "r4", "r5") NN_MACS_OF_OUTPUTS(x, "r11", "r6", "r7")
#define NN_WIDEN_INPUTS "ldr.w r9,[r12],#4\n sxtb16 r8,r9\n sxtb16 r9,r9,ror #8\n"
#define NN_TAKE_INPUTS "ldrd r8,r9,[r12],#8\n"
// `scale` is the binary logarithm of the bytes of an input, `turn` the bytes of the instructions for four.
#define NN_MATMUL_1X8(name, INPUTS, scale, turn, REQUANTISE, HIGH, LOW)                                                                     \
    __attribute__((naked, noinline, unused)) static void name(                                                         \
        __attribute__((unused)) const int8_t *input, __attribute__((unused)) const uint32_t *stream,                   \
        __attribute__((unused)) int8_t *output, __attribute__((unused)) uint32_t inputs,                               \
        __attribute__((unused)) uint32_t octets) {                                                                     \
        __asm__ volatile(                                                                                              \
            "push {r4-r11,lr}\n"                                                                                       \
            "sub sp,#20\n" /* 0 end of inputs, 4 input, 8 output, 12 entry of the loop; 56 octets */                   \
            "str r0,[sp,#4]\n str r2,[sp,#8]\n mov lr,r1\n add r0,r0,r3,lsl #" scale "\n str r0,[sp]\n"                \
            "ubfx r4,r3,#2,#3\n rsb r4,r4,#8\n and r4,#7\n movs r5,#" turn "\n mul r4,r5\n"                                 \
            "adr r5,2f\n add r4,r5\n orr r4,#1\n str r4,[sp,#12]\n"                                                    \
            "1:\n"                                                                                                     \
            "ldm lr!,{r0-r7}\n ldr r12,[sp,#4]\n ldr r8,[sp,#12]\n bx r8\n"                                            \
            ".p2align 2\n"                                                                                             \
            "2:\n"                                                                                                     \
            ".rept 8\n" /* four inputs: 31 instructions, 29 where they are wide */                                     \
            INPUTS NN_MACS_OF_INPUTS("r8") NN_MACS_OF_INPUTS("r9")                                                     \
            ".endr\n"                                                                                                  \
            "ldr r8,[sp]\n cmp r12,r8\n bne.w 2b\n"                                                                    \
            "ldr r11,[sp,#8]\n"                                                                                        \
            NN_PAIR_OF_OUTPUTS(REQUANTISE, HIGH, LOW, "r0", "r1")                                                      \
            NN_PAIR_OF_OUTPUTS(REQUANTISE, HIGH, LOW, "r2", "r3")                                                      \
            NN_PAIR_OF_OUTPUTS(REQUANTISE, HIGH, LOW, "r4", "r5")                                                      \
            NN_PAIR_OF_OUTPUTS(REQUANTISE, HIGH, LOW, "r6", "r7")                                                      \
            "str r11,[sp,#8]\n ldr r8,[sp,#56]\n subs r8,#1\n str r8,[sp,#56]\n bne.w 1b\n"                            \
            "add sp,#20\n pop {r4-r11,pc}\n");                                                                         \
    }
NN_MATMUL_1X8(nn_matmul_1x8_relu, NN_WIDEN_INPUTS, "0", "124", NN_RELU, NN_NOTHING, NN_BY_256)
NN_MATMUL_1X8(nn_matmul_1x8_linear, NN_WIDEN_INPUTS, "0", "124", NN_LINEAR, NN_FROM_256_TO_2, NN_BY_2)
NN_MATMUL_1X8(nn_matmul_1x8_wide_relu, NN_TAKE_INPUTS, "1", "116", NN_RELU, NN_NOTHING, NN_BY_256)
NN_MATMUL_1X8(nn_matmul_1x8_wide_linear, NN_TAKE_INPUTS, "1", "116", NN_LINEAR, NN_FROM_256_TO_2, NN_BY_2)
#else
// The same arithmetic for a PC.
static inline void nn_matmul_1x8(const void *input, const uint32_t *stream, int8_t *output, uint32_t inputs, uint32_t octets,
                                 int relu, int wide) {
    for (; octets > 0; octets--) {
        int32_t sums[8];
        for (int i = 0; i < 8; i++) sums[i] = (int32_t)*stream++;
        for (uint32_t i = 0; i < inputs; i += 4) {
            uint32_t halves[2];
            __builtin_memcpy(halves, (const int8_t *)input + (wide ? 2 * i : i), wide ? 8 : 4);
            if (!wide) halves[1] = nn_sxtb16(halves[0] >> 8), halves[0] = nn_sxtb16(halves[0]);
            for (int half = 0; half < 2; half++)
                for (int pair = 0; pair < 4; pair++, stream++) {
                    sums[2 * pair] = nn_smlad(halves[half], *stream, sums[2 * pair]);
                    sums[2 * pair + 1] = nn_smlad(halves[half], nn_sxtb16(*stream), sums[2 * pair + 1]);
                }
        }
        for (int pair = 0; pair < 4; pair++) {
            nn_two_channels(sums[2 * pair], sums[2 * pair + 1], stream, output, relu);
            stream += 6;
            output += 2;
        }
    }
}

#define NN_MATMUL_1X8(name, relu, wide)                                                                                \
    static inline void name(const int8_t *input, const uint32_t *stream, int8_t *output, uint32_t inputs,              \
                            uint32_t octets) {                                                                         \
        nn_matmul_1x8(input, stream, output, inputs, octets, relu, wide);                                              \
    }
NN_MATMUL_1X8(nn_matmul_1x8_relu, 1, 0)
NN_MATMUL_1X8(nn_matmul_1x8_linear, 0, 0)
NN_MATMUL_1X8(nn_matmul_1x8_wide_relu, 1, 1)
NN_MATMUL_1X8(nn_matmul_1x8_wide_linear, 0, 1)
#endif
