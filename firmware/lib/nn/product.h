// The upper part of a product of 64 bits: one instruction where the core multiplies to 64 bits, four products of 16-bit
// halves on Armv6-M, which does not.
#pragma once
#include <stdint.h>

_Static_assert((-1 >> 1) == -1, "right shifts of negative numbers must be arithmetic");

#if defined(__thumb__) && !defined(__thumb2__)
// a * b >> 16 is high * 2^16 + low.
struct nn_product {
    int32_t high, low;
};

static inline struct nn_product nn_product(int32_t a, int32_t b) {
    const int32_t upper_a = a >> 16, upper_b = b >> 16;
    const uint32_t lower_a = (uint16_t)a, lower_b = (uint16_t)b;
    const int32_t middle = upper_a * (int32_t)lower_b + (int32_t)(lower_a * lower_b >> 16);
    const struct nn_product result = {upper_a * upper_b + (middle >> 16),
                                      (uint16_t)middle + (int32_t)lower_a * upper_b};
    return result;
}

static inline int32_t nn_high_32(int32_t a, int32_t b) {
    const struct nn_product p = nn_product(a, b);
    return p.high + (p.low >> 16);
}

// Rounded half up; one of the two is not negative.
static inline int32_t nn_high_32_rounded(int32_t a, int32_t b) {
    const struct nn_product p = nn_product(a, b);
    return p.high + (((p.low >> 15) + 1) >> 1);
}

// Also the product of two Q0.31 numbers.
static inline int32_t nn_high_31_rounded(int32_t a, int32_t b) {
    const struct nn_product p = nn_product(a, b);
    return (int32_t)((uint32_t)p.high * 2 + (uint32_t)(((p.low >> 14) + 1) >> 1));
}
#else
static inline int32_t nn_high_32(int32_t a, int32_t b) { return (int32_t)((int64_t)a * b >> 32); }

static inline int32_t nn_high_32_rounded(int32_t a, int32_t b) {
    const int64_t product = (int64_t)a * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

static inline int32_t nn_high_31_rounded(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }
#endif
