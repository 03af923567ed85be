// From an accumulator to the int16 output code of a 16x8 layer (int16 activations, int8 weights), exactly as TensorFlow Lite
// Micro's reference kernels do it. Which of two ways is the type of the bias:
//   int64: one rounding, half up, with the multiplier reduced to 16 bits; the compiler proves |accumulator| < 2^47
//   int32: the accumulator wraps at 32 bits and is rescaled with two roundings, as in int8
#pragma once
#include "requantise.h"

struct nn_requantisation_16 {
    const int32_t *multiplier; // reduced to 16 bits, or of 31 bits if `narrow`
    const int8_t *shift;       // to the right, rounding included, 8 .. 46; as in nn_multiply if `narrow`
    uint8_t step;              // channel c uses entry c * step
    uint8_t narrow;            // the bias is int32
    int16_t minimum;
    int16_t maximum;
};

static inline int16_t nn_requantise_16(const struct nn_requantisation_16 *r, uint32_t channel, int64_t accumulator) {
    const uint32_t entry = channel * r->step;
    const int32_t multiplier = r->multiplier[entry], shift = r->shift[entry];
    int32_t scaled;
    if (r->narrow)
        scaled = nn_multiply((int32_t)accumulator, multiplier, shift);
    else
        scaled = (int32_t)(((accumulator * multiplier >> (shift - 1)) + 1) >> 1); // half a unit, then the whole shift
    return (int16_t)nn_clamp(scaled, r->minimum, r->maximum);
}
