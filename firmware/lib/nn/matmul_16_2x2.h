// The inner product of packed 16x8 convolutions: all output channels of two pixels, two channels at a time (matmul_16.h). The
// panel holds, for each pair of inputs, the word of the first pixel, then that of the second.
#pragma once
#include "matmul_16.h"

// `bytes` is 16 for every four inputs; 2 * pairs int16 outputs are written to `first` and to `second`.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// In the inner loop: r0 r1 r2 and r3 r4 r5 sums of both pixels, r6-r9 inputs, r10 r11 weights, r12 panel, lr stream. All its
// instructions take 4 bytes, so that the first turn can start inside it when the inputs are no multiple of 32.
#define NN_MATMUL_16_2X2(name, ROUND, CLAMP)                                                                           \
    __attribute__((naked, noinline, unused)) static void name(                                                         \
        __attribute__((unused)) const uint32_t *panel, __attribute__((unused)) const uint32_t *stream,                 \
        __attribute__((unused)) int8_t *first, __attribute__((unused)) int8_t *second,                                 \
        __attribute__((unused)) uint32_t bytes, __attribute__((unused)) uint32_t pairs) {                              \
        __asm__ volatile(                                                                                              \
            "push {r4-r11,lr}\n"                                                                                       \
            "sub sp,#20\n" /* 0 end of the panel, 4 panel, 8 first, 12 second, 16 entry of the loop; 56 bytes, 60 pairs */ \
            "strd r2,r3,[sp,#8]\n mov lr,r1\n ldr r4,[sp,#56]\n add r5,r0,r4\n strd r5,r0,[sp]\n"                     \
            "ubfx r4,r4,#4,#3\n rsb r4,r4,#8\n and r4,#7\n movs r5,#48\n mul r4,r5\n"                                  \
            "adr r5,2f\n add r4,r5\n orr r4,#1\n str r4,[sp,#16]\n"                                                    \
            "1:\n"                                                                                                     \
            "ldm lr!,{r0-r2}\n mov r3,r0\n mov r4,r1\n mov r5,r2\n ldr r12,[sp,#4]\n ldr r6,[sp,#16]\n bx r6\n"      \
            ".p2align 2\n"                                                                                             \
            "2:\n"                                                                                                     \
            ".rept 8\n" /* four inputs: 12 instructions */                                                             \
            "ldm.w r12!,{r6-r9}\n ldrd r10,r11,[lr],#8\n"                                                             \
            "smlald r0,r1,r6,r10\n smlald r3,r4,r7,r10\n sxtb16 r10,r10\n smlad r2,r6,r10,r2\n smlad r5,r7,r10,r5\n"  \
            "smlald r0,r1,r8,r11\n smlald r3,r4,r9,r11\n sxtb16 r11,r11\n smlad r2,r8,r11,r2\n smlad r5,r9,r11,r5\n"  \
            ".endr\n"                                                                                                  \
            "ldr r6,[sp]\n cmp r12,r6\n bne.w 2b\n"                                                                    \
            NN_FIRST_CHANNEL("r0", "r1", "r2") NN_FIRST_CHANNEL("r3", "r4", "r5")                                      \
            "ldm lr!,{r6-r11}\n"                                                                                       \
            ROUND("r0", "r1", "r6", "r7", "r8") CLAMP("r0") ROUND("r2", "r1", "r9", "r10", "r11") CLAMP("r2")          \
            ROUND("r3", "r1", "r6", "r7", "r8") CLAMP("r3") ROUND("r5", "r1", "r9", "r10", "r11") CLAMP("r5")          \
            "ldrd r11,r12,[sp,#8]\n ldr r6,[sp,#60]\n"                                                                 \
            "strh r0,[r11],#2\n strh r2,[r11],#2\n strh r3,[r12],#2\n strh r5,[r12],#2\n"                             \
            "subs r6,#1\n strd r11,r12,[sp,#8]\n str r6,[sp,#60]\n bne.w 1b\n"                                        \
            "add sp,#20\n pop {r4-r11,pc}\n");                                                                         \
    }
NN_MATMUL_16_2X2(nn_matmul_16_2x2_once, NN_ONCE, NN_TO_ALL)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_once_relu, NN_ONCE, NN_TO_POSITIVE)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_twice, NN_TWICE, NN_TO_ALL)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_twice_relu, NN_TWICE, NN_TO_POSITIVE)
#else
#define NN_MATMUL_16_2X2(name, twice, positive)                                                                        \
    static inline void name(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,              \
                            uint32_t bytes, uint32_t pairs) {                                                          \
        for (; pairs > 0; pairs--, first += 4, second += 4) {                                                          \
            struct nn_pair_of_sums sums[2] = {nn_start_of_sums(stream), nn_start_of_sums(stream)};                     \
            stream += 3;                                                                                               \
            for (uint32_t i = 0; i < bytes / 4; i += 2, stream++) {                                                    \
                nn_add_to_pair(&sums[0], panel[i], *stream);                                                           \
                nn_add_to_pair(&sums[1], panel[i + 1], *stream);                                                       \
            }                                                                                                          \
            nn_two_channels_16(&sums[0], stream, first, twice, positive);                                              \
            nn_two_channels_16(&sums[1], stream, second, twice, positive);                                             \
            stream += 6;                                                                                               \
        }                                                                                                              \
    }
NN_MATMUL_16_2X2(nn_matmul_16_2x2_once, 0, 0)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_once_relu, 0, 1)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_twice, 1, 0)
NN_MATMUL_16_2X2(nn_matmul_16_2x2_twice_relu, 1, 1)
#endif
