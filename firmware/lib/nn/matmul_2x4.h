// The inner product of packed convolutions: all output channels of two pixels, four channels at a time.
//
// Two channels share a halfword of weights: 256 * wa + wb. SMLAD on the raw word sums 256 * A + B over two inputs, SMLAD on
// its SXTB16 sums B alone, so one unpacking serves two channels, and A is what remains when B is taken off. The factor of
// 256 is the left shift that the requantisation wants anyway: with the accumulator scaled by 2^8,
//
//     y = ssat8((high32(acc * m) + C) >> S),   S = s + 7,   C = 2^6 + 2^(S-1) + (zero point << S)
//
// equals both roundings of nn_multiply (s is its right shift), the zero point and the saturation, if the result before the
// zero point cannot be negative where it matters: with a fused ReLU whose lower bound is the zero point, every negative value
// ends there either way. A linear layer must round halves away from zero; that costs two instructions more.
// The compiler proves |acc| < 2^23 and that no sum leaves 32 bits before it chooses this kernel.
//
// A linear layer scales by 2^1 instead, so that SMMLAR is the first rounding and adds C' = 2^(s-1) + (zero point << s): m, C', s.
//
// The stream of words, per quad of channels a, b, c, d:
//     bias      256 * bias_a + bias_b, bias_b, 256 * bias_c + bias_d, bias_d
//     weights   for each pair of inputs (i, j): {a,b packed}(i) | {a,b}(j) << 16, {c,d}(i) | {c,d}(j) << 16
//     epilogue  m, C, S of a, then of b, c, d
// The panel holds, for each pair of inputs, the int16 pair of the first pixel, then that of the second.
#pragma once
#include "dual.h"
#include "short_requantise.h"

// Two outputs from the sums 256 * A + B and B, with the constants of both.
static inline void nn_two_channels(int32_t sum, int32_t low, const uint32_t *epilogue, int8_t *output, int relu) {
    const int32_t accumulators[2] = {(int32_t)((uint32_t)sum - (uint32_t)low) >> 8, low};
    for (int i = 0; i < 2; i++, epilogue += 3) {
        const struct nn_short c = {(int32_t)epilogue[0], (int32_t)epilogue[1], (int32_t)epilogue[2]};
        output[i] = relu ? nn_short_relu(&c, accumulators[i] * 256) : nn_short_linear(&c, accumulators[i] * 2);
    }
}

// `bytes` is 8 * pairs of inputs, of which there are at least two; `quads` the number of quads; 4 * quads outputs are written to
// `first` and to `second`.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// In the inner loop: r0-r7 sums, r8 r9 inputs, r10 r11 weights, r12 panel, lr stream. The first pair of inputs, which starts the
// second pixel's sums from the first one's biases, comes before it. All its instructions take 4 bytes, so that the first turn
// can start inside it when the pairs that remain are no multiple of 16.
#define NN_TWO_CHANNELS(REQUANTISE, HIGH, LOW, high0, low0, high1, low1)                                               \
    "ldm lr!,{r8,r9,r10}\n sub " high0 "," low0 "\n sub " high1 "," low1 "\n" HIGH(high0) HIGH(high1)                \
    REQUANTISE(high0) REQUANTISE(high1)                                                                                \
    "ldm lr!,{r8,r9,r10}\n" LOW(low0) LOW(low1) REQUANTISE(low0) REQUANTISE(low1)
#define NN_BY_256(sum) "lsl " sum ",#8\n"
#define NN_BY_2(sum) "lsl " sum ",#1\n"
#define NN_FROM_256_TO_2(sum) "asr " sum ",#7\n"
#define NN_MACS_OF_PIXELS(start2, start3, start6, start7)                                                              \
    "ldrd r8,r9,[r12],#8\n ldrd r10,r11,[lr],#8\n"                                                                     \
    "smlad r2,r9,r10," start2 "\n smlad r0,r8,r10,r0\n sxtb16 r10,r10\n smlad r3,r9,r10," start3 "\n smlad r1,r8,r10,r1\n" \
    "smlad r6,r9,r11," start6 "\n smlad r4,r8,r11,r4\n sxtb16 r11,r11\n smlad r7,r9,r11," start7 "\n smlad r5,r8,r11,r5\n"
#define NN_MATMUL_2X4(name, REQUANTISE, HIGH, LOW)                                                                     \
    __attribute__((naked, noinline, unused)) static void name(                                                         \
        __attribute__((unused)) const uint32_t *panel, __attribute__((unused)) const uint32_t *stream,                 \
        __attribute__((unused)) int8_t *first, __attribute__((unused)) int8_t *second,                                 \
        __attribute__((unused)) uint32_t bytes, __attribute__((unused)) uint32_t quads) {                              \
        __asm__ volatile(                                                                                              \
            "push {r4-r11,lr}\n"                                                                                       \
            "sub sp,#24\n" /* 0 end of the panel, 4 panel, 8 entry of the loop, 12 end of the stream, 16 first, 20 second */ \
            "strd r2,r3,[sp,#16]\n mov lr,r1\n ldrd r4,r5,[sp,#60]\n add r6,r0,r4\n strd r6,r0,[sp]\n"                \
            "add r6,r4,#64\n mla r6,r6,r5,r1\n str r6,[sp,#12]\n" /* of a quad: biases, weights, epilogue */           \
            "sub r4,#16\n ubfx r4,r4,#3,#4\n rsb r4,r4,#15\n movs r5,#48\n mul r4,r5\n"                               \
            "adr r5,2f\n add r4,r5\n orr r4,#1\n str r4,[sp,#8]\n"                                                     \
            "1:\n"                                                                                                     \
            "ldm lr!,{r0,r1,r4,r5}\n ldr r12,[sp,#4]\n" NN_MACS_OF_PIXELS("r0", "r1", "r4", "r5")                     \
            "ldr.w pc,[sp,#8]\n"                                                                                       \
            ".p2align 2\n"                                                                                             \
            "2:\n"                                                                                                     \
            ".rept 16\n" NN_MACS_OF_PIXELS("r2", "r3", "r6", "r7") ".endr\n"                                           \
            "ldr r8,[sp]\n cmp r12,r8\n bne.w 2b\n"                                                                   \
            NN_TWO_CHANNELS(REQUANTISE, HIGH, LOW, "r0", "r1", "r2", "r3")                                             \
            NN_TWO_CHANNELS(REQUANTISE, HIGH, LOW, "r4", "r5", "r6", "r7")                                             \
            "ldrd r11,r12,[sp,#16]\n"                                                                                  \
            "strb r0,[r11],#1\n strb r1,[r11],#1\n strb r4,[r11],#1\n strb r5,[r11],#1\n"                             \
            "strb r2,[r12],#1\n strb r3,[r12],#1\n strb r6,[r12],#1\n strb r7,[r12],#1\n"                             \
            "strd r11,r12,[sp,#16]\n ldr r8,[sp,#12]\n cmp lr,r8\n bne.w 1b\n"                                         \
            "add sp,#24\n pop {r4-r11,pc}\n");                                                                         \
    }
NN_MATMUL_2X4(nn_matmul_2x4_relu, NN_RELU, NN_NOTHING, NN_BY_256)
NN_MATMUL_2X4(nn_matmul_2x4_linear, NN_LINEAR, NN_FROM_256_TO_2, NN_BY_2)
#else
// The same arithmetic for a PC.
static inline void nn_matmul_2x4(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                 uint32_t bytes, uint32_t quads, int relu) {
    for (; quads > 0; quads--, first += 4, second += 4) {
        int32_t sums[2][4];
        for (int i = 0; i < 4; i++) sums[0][i] = sums[1][i] = (int32_t)stream[i];
        stream += 4;
        for (uint32_t pair = 0; pair < bytes / 8; pair++, stream += 2)
            for (int pixel = 0; pixel < 2; pixel++)
                for (int half = 0; half < 2; half++) {
                    const uint32_t inputs = panel[2 * pair + (uint32_t)pixel], weights = stream[half];
                    sums[pixel][2 * half] = nn_smlad(inputs, weights, sums[pixel][2 * half]);
                    sums[pixel][2 * half + 1] = nn_smlad(inputs, nn_sxtb16(weights), sums[pixel][2 * half + 1]);
                }
        for (int pixel = 0; pixel < 2; pixel++)
            for (int half = 0; half < 2; half++)
                nn_two_channels(sums[pixel][2 * half], sums[pixel][2 * half + 1], stream + 6 * half,
                                (pixel ? second : first) + 2 * half, relu);
        stream += 12;
    }
}

static inline void nn_matmul_2x4_relu(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                      uint32_t bytes, uint32_t quads) {
    nn_matmul_2x4(panel, stream, first, second, bytes, quads, 1);
}

static inline void nn_matmul_2x4_linear(const uint32_t *panel, const uint32_t *stream, int8_t *first, int8_t *second,
                                        uint32_t bytes, uint32_t quads) {
    nn_matmul_2x4(panel, stream, first, second, bytes, quads, 0);
}
#endif
