// Codes between two bounds: what is left of a fused activation whose kernel saturates only to int8.
#pragma once
#include <stdint.h>

struct nn_clamp_codes {
    int32_t elements;
    int8_t minimum, maximum;
};

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
// Four codes at a time, as unsigned bytes 128 higher: x - low saturates at 0, so x - low + low is the larger of x and low.
static inline uint32_t nn_clamp_word(uint32_t x, uint32_t low, uint32_t above) {
    __asm__("eor %0,%0,#0x80808080\n uqsub8 %0,%0,%1\n uadd8 %0,%0,%1\n uqadd8 %0,%0,%2\n usub8 %0,%0,%2\n"
            "eor %0,%0,#0x80808080"
            : "+r"(x)
            : "r"(low), "r"(above));
    return x;
}
#endif

static inline void nn_clamp_codes(const struct nn_clamp_codes *l, const int8_t *input, int8_t *output) {
    int32_t left = l->elements;
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    const uint32_t low = (uint32_t)(l->minimum - INT8_MIN) * 0x01010101u;
    const uint32_t above = (uint32_t)(INT8_MAX - l->maximum) * 0x01010101u;
#pragma GCC unroll 4
    for (; left >= 4; left -= 4, input += 4, output += 4) {
        uint32_t word;
        __builtin_memcpy(&word, input, 4);
        word = nn_clamp_word(word, low, above);
        __builtin_memcpy(output, &word, 4);
    }
#endif
    for (; left > 0; left--, input++)
        *output++ = *input < l->minimum ? l->minimum : *input > l->maximum ? l->maximum : *input;
}
