// From an int32 accumulator to the output code, exactly as TensorFlow Lite Micro's reference kernels do it:
// two roundings, half up at bit 31 (SaturatingRoundingDoublingHighMul), then half away from zero (RoundingDivideByPOT).
// Single rounding, as in XNNPACK or ruy, differs by one in the last place now and then.
#pragma once
#include "product.h"

// value * multiplier * 2^(shift - 31); multiplier in [0, 2^31), shift in -31 .. 30.
static inline int32_t nn_multiply(int32_t value, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)value << left);
    const int32_t high = nn_high_31_rounded(shifted, multiplier);
    const int32_t mask = (int32_t)((1u << right) - 1u);
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0) ? 1 : 0);
}

static inline int32_t nn_clamp(int32_t value, int32_t minimum, int32_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

// How a layer rescales: channel c uses entry c * step, so that step 0 shares one entry among all channels.
struct nn_requantisation {
    const int32_t *multiplier;
    const int8_t *shift;
    uint8_t step;
    int16_t zero_point;
    int16_t minimum;
    int16_t maximum;
};

static inline int32_t nn_requantise_code(const struct nn_requantisation *r, uint32_t channel, int32_t accumulator) {
    const uint32_t entry = channel * r->step;
    const int32_t scaled = nn_multiply(accumulator, r->multiplier[entry], r->shift[entry]);
    // Where a scale is extreme the sum wraps, in the reference too.
    return nn_clamp((int32_t)((uint32_t)scaled + (uint32_t)r->zero_point), r->minimum, r->maximum);
}

static inline int8_t nn_requantise(const struct nn_requantisation *r, uint32_t channel, int32_t accumulator) {
    return (int8_t)nn_requantise_code(r, channel, accumulator);
}
