// The inner products of packed 16x8 layers: int16 inputs, int8 weights.
//
// Two channels a, b share a halfword of weights, 256 * wa + wb, as in matmul_2x4.h. SMLALD on the raw word sums 256 * A + B over
// two inputs in 64 bits; SMLAD on its SXTB16 sums B alone in 32 bits. One unpacking serves two channels, and A is what
// remains when B is taken off. The compiler proves that A and B fit 32 bits whatever the inputs.
//
// The stream of words, per pair of channels (matmul_16_2x2.h) or for two pairs side by side (matmul_16_1x4.h):
//     bias      256 * bias_a + bias_b, the lower and the upper half; bias_b
//     weights   for each pair of neighbouring inputs i, j: {a,b packed}(i) | {a,b}(j) << 16
//     epilogue  m, C, S of short_requantise_16.h of a, then of b
#pragma once
#include "short_requantise_16.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// From the sum of both channels in `low` and `high` and that of b in `other` to A in `low`.
#define NN_FIRST_CHANNEL(low, high, other)                                                                             \
    "subs " low "," other "\n sbc " high "," high "," other ",asr #31\n lsr " low ",#8\n"                              \
    "orr " low "," low "," high ",lsl #24\n"
#define NN_ONCE(sum, spare, m, c, s) "smmla " sum "," sum "," m "," c "\n asr " sum "," s "\n"
#define NN_TWICE(sum, spare, m, c, s)                                                                                  \
    "lsl " spare "," sum ",#1\n smmlar " sum "," spare "," m "," c "\n add " sum "," sum "," spare ",asr #31\n"        \
    "asr " sum "," s "\n"
#define NN_TO_ALL(sum) "ssat " sum ",#16," sum "\n"
#define NN_TO_POSITIVE(sum) "usat " sum ",#15," sum "\n"
#else
// The same arithmetic for a PC.
struct nn_pair_of_sums {
    int64_t both;
    int32_t second;
};

static inline struct nn_pair_of_sums nn_start_of_sums(const uint32_t *words) {
    const struct nn_pair_of_sums start = {(int64_t)((uint64_t)words[1] << 32 | words[0]), (int32_t)words[2]};
    return start;
}

static inline void nn_add_to_pair(struct nn_pair_of_sums *sums, uint32_t inputs, uint32_t weights) {
    for (int half = 0; half < 32; half += 16) {
        const int16_t input = (int16_t)(inputs >> half);
        sums->both += (int64_t)((int16_t)(weights >> half) * input);
        sums->second = (int32_t)((uint32_t)sums->second + (uint32_t)((int8_t)(weights >> half) * input));
    }
}

static inline void nn_two_channels_16(const struct nn_pair_of_sums *sums, const uint32_t *epilogue, int8_t *output, int twice,
                                      int positive) {
    const int32_t channels[2] = {(int32_t)((sums->both - sums->second) >> 8), sums->second};
    for (int i = 0; i < 2; i++) {
        const struct nn_short c = {(int32_t)epilogue[3 * i], (int32_t)epilogue[3 * i + 1], (int32_t)epilogue[3 * i + 2]};
        const int32_t scaled = twice ? nn_twice_rounded(&c, channels[i]) : nn_once_rounded(&c, channels[i]);
        const int16_t code = nn_saturate_int16(scaled, positive);
        __builtin_memcpy(output + 2 * i, &code, 2);
    }
}
#endif
