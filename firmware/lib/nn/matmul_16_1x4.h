// The inner product of packed 16x8 fully connected layers: four outputs at a time of one row of inputs (matmul_16.h).
#pragma once
#include "matmul_16.h"

// `inputs` is a multiple of 4; 4 * quads outputs are written.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// In the inner loop: r0 r1 r2 and r3 r4 r5 sums of both pairs, r6 r7 inputs, r8-r11 weights, r12 input, lr stream. All its
// instructions take 4 bytes, so that the first turn can start inside it when the inputs are no multiple of 32.
#define NN_PAIR_OF_OUTPUTS_16(ROUND, CLAMP, low, high, other)                                                          \
    NN_FIRST_CHANNEL(low, high, other)                                                                                 \
    "ldm lr!,{r6-r11}\n" ROUND(low, high, "r6", "r7", "r8") CLAMP(low) ROUND(other, high, "r9", "r10", "r11") CLAMP(other) \
    "strh " low ",[r12],#2\n strh " other ",[r12],#2\n"
#define NN_MATMUL_16_1X4(name, ROUND, CLAMP)                                                                           \
    __attribute__((naked, noinline, unused)) static void name(                                                         \
        __attribute__((unused)) const int16_t *input, __attribute__((unused)) const uint32_t *stream,                  \
        __attribute__((unused)) int16_t *output, __attribute__((unused)) uint32_t inputs,                              \
        __attribute__((unused)) uint32_t quads) {                                                                      \
        __asm__ volatile(                                                                                              \
            "push {r4-r11,lr}\n"                                                                                       \
            "sub sp,#20\n" /* 0 end of inputs, 4 input, 8 output, 12 entry of the loop; 56 quads */                    \
            "str r0,[sp,#4]\n str r2,[sp,#8]\n mov lr,r1\n add r0,r0,r3,lsl #1\n str r0,[sp]\n"                        \
            "ubfx r4,r3,#2,#3\n rsb r4,r4,#8\n and r4,#7\n movs r5,#56\n mul r4,r5\n"                                  \
            "adr r5,2f\n add r4,r5\n orr r4,#1\n str r4,[sp,#12]\n"                                                    \
            "1:\n"                                                                                                     \
            "ldm lr!,{r0-r5}\n ldr r12,[sp,#4]\n ldr r6,[sp,#12]\n bx r6\n"                                            \
            ".p2align 2\n"                                                                                             \
            "2:\n"                                                                                                     \
            ".rept 8\n" /* four inputs: 14 instructions */                                                             \
            "ldrd r6,r7,[r12],#8\n ldm.w lr!,{r8-r11}\n"                                                               \
            "smlald r0,r1,r6,r8\n sxtb16 r8,r8\n smlad r2,r6,r8,r2\n"                                                  \
            "smlald r3,r4,r6,r9\n sxtb16 r9,r9\n smlad r5,r6,r9,r5\n"                                                  \
            "smlald r0,r1,r7,r10\n sxtb16 r10,r10\n smlad r2,r7,r10,r2\n"                                              \
            "smlald r3,r4,r7,r11\n sxtb16 r11,r11\n smlad r5,r7,r11,r5\n"                                              \
            ".endr\n"                                                                                                  \
            "ldr r6,[sp]\n cmp r12,r6\n bne.w 2b\n"                                                                    \
            "ldr r12,[sp,#8]\n"                                                                                        \
            NN_PAIR_OF_OUTPUTS_16(ROUND, CLAMP, "r0", "r1", "r2")                                                      \
            NN_PAIR_OF_OUTPUTS_16(ROUND, CLAMP, "r3", "r4", "r5")                                                      \
            "str r12,[sp,#8]\n ldr r6,[sp,#56]\n subs r6,#1\n str r6,[sp,#56]\n bne.w 1b\n"                            \
            "add sp,#20\n pop {r4-r11,pc}\n");                                                                         \
    }
NN_MATMUL_16_1X4(nn_matmul_16_1x4_once, NN_ONCE, NN_TO_ALL)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_once_relu, NN_ONCE, NN_TO_POSITIVE)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_twice, NN_TWICE, NN_TO_ALL)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_twice_relu, NN_TWICE, NN_TO_POSITIVE)
#else
#define NN_MATMUL_16_1X4(name, twice, positive)                                                                        \
    static inline void name(const int16_t *input, const uint32_t *stream, int16_t *output, uint32_t inputs,            \
                            uint32_t quads) {                                                                          \
        for (; quads > 0; quads--, output += 4) {                                                                      \
            struct nn_pair_of_sums sums[2] = {nn_start_of_sums(stream), nn_start_of_sums(stream + 3)};                 \
            stream += 6;                                                                                               \
            for (uint32_t i = 0; i < inputs; i += 2, stream += 2) {                                                    \
                uint32_t pair;                                                                                         \
                __builtin_memcpy(&pair, input + i, 4);                                                                 \
                nn_add_to_pair(&sums[0], pair, stream[0]);                                                             \
                nn_add_to_pair(&sums[1], pair, stream[1]);                                                             \
            }                                                                                                          \
            nn_two_channels_16(&sums[0], stream, (int8_t *)output, twice, positive);                                   \
            nn_two_channels_16(&sums[1], stream + 6, (int8_t *)(output + 2), twice, positive);                         \
            stream += 12;                                                                                              \
        }                                                                                                              \
    }
NN_MATMUL_16_1X4(nn_matmul_16_1x4_once, 0, 0)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_once_relu, 0, 1)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_twice, 1, 0)
NN_MATMUL_16_1X4(nn_matmul_16_1x4_twice_relu, 1, 1)
#endif
