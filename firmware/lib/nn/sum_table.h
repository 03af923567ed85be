// ADD and SUB in int8 where each operand, rescaled, is a multiple of its code or the entry of a table. A function of one code in
// front of or behind the sum (an activation, a product with a constant) is part of the tables or has one of its own.
//
// What is left of the sum is its own rescaling. Nearly always the operands can be multiples of the output's scale, all roundings
// included, and a sum whose fraction has `shift` bits: the compiler has tried all 65,536 pairs of codes. Where many sums lie
// halfway between two codes the tables hold twice the operands on their common scale, and the sum is requantised as in
// short_requantise.h.
#pragma once
#include "repeat.h"
#include "short_requantise.h"

struct nn_sum_table {
    struct nn_repeat shape;
    const int32_t *table[2]; // of either operand's code, as an unsigned byte; or
    int32_t slope[2];        // what its code is multiplied by
    int32_t start;           // of the sum, where both are multiples
    const int8_t *after;     // of the sum's code 0, if the sum is not the output; NULL otherwise
    int32_t multiplier, constant; // of the requantisation, if there is one
};

// Which operands are multiples, whether there is a requantisation, and a table after the sum.
enum { NN_FIRST_MULTIPLE = 1, NN_SECOND_MULTIPLE = 2, NN_SUM_REQUANTISED = 4, NN_SUM_FOLLOWED = 8 };

// Inlined into a function for each set of the last two, which are constant there.
__attribute__((always_inline)) static inline void nn_sum_table(const struct nn_sum_table *l, const int8_t *a, const int8_t *b,
                                                               int8_t *output, int32_t shift, uint32_t kind) {
    const int32_t *const first = l->table[0], *const second = l->table[1];
    const int8_t *const after = l->after;
    int32_t slope_a = l->slope[0], slope_b = l->slope[1], start = l->start;
    // A compiler that knows these would multiply by shifts and sums, where one instruction multiplies and adds.
    __asm__("" : "+r"(slope_a), "+r"(slope_b), "+r"(start));
    const int32_t multiplier = l->multiplier, constant = l->constant, length = l->shape.length;
    for (int32_t line = 0; line < l->shape.lines; line++, output += length) {
#pragma GCC unroll 4
        for (int32_t i = 0; i < length; i++) {
            int32_t sum = 0;
            if (kind & NN_FIRST_MULTIPLE && kind & NN_SECOND_MULTIPLE) sum = start;
            if (!(kind & NN_FIRST_MULTIPLE)) sum = first[(uint8_t)a[i]];
            if (!(kind & NN_SECOND_MULTIPLE)) sum += second[(uint8_t)b[i]];
            if (kind & NN_FIRST_MULTIPLE) sum += a[i] * slope_a;
            if (kind & NN_SECOND_MULTIPLE) sum += b[i] * slope_b;
            if (kind & NN_SUM_REQUANTISED) sum = nn_high_product_rounded(sum, multiplier, constant) + (sum >> 31);
            const int8_t code = nn_shift_to_int8(sum, shift);
            output[i] = kind & NN_SUM_FOLLOWED ? after[code] : code;
        }
        a += l->shape.step[0];
        b += l->shape.step[1];
    }
}
