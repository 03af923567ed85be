/* Entropy of the softmax over that of C equal probabilities, turned round so that high is sure: 1 - H / log C.
 *
 * The table holds n entries e = exp(-d s / T) in Q15, n weights w = e (d s / T) / log C in Q15, and 2^15 / log2(C), for
 * the differences d = 0 .. n - 1; a larger one counts as zero. H / log C = log2(sum e) / log2(C) + (sum w) / (sum e).
 * Both sums are at most 2^23, since e <= 1 and w <= 1 / (2.718 log 2). */
#include "gate.h"

/* log2(value / 2^15) in Q15, for a value of 2^15 or more: squaring a number in 1 .. 2 doubles its logarithm; where that
 * is 1 or more, the next binary digit is 1. */
static uint32_t log2_q15(uint32_t value)
{
    uint32_t result = 0;
    while (value >= UINT32_C(1) << 16) {
        value >>= 1;
        result++;
    }
    for (int i = 0; i < 15; i++) {
        value = value * value >> 15;
        uint32_t digit = value >> 16;
        value >>= digit;
        result = result << 1 | digit;
    }
    return result;
}

/* part / whole in Q15, rounded down, for both at most 2^23: 8 digits of the quotient, then 7. */
static uint32_t quotient_q15(uint32_t part, uint32_t whole)
{
    part <<= 8;
    return (part / whole) << 7 | (part % whole << 7) / whole;
}

uint16_t gate_entropy(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    (void)extra;
    const uint16_t *table = gate->table;
    uint32_t length = gate->table_length / 2u;
    int32_t largest = logits[top];
    uint32_t sum = 0;
    uint32_t weighted = 0;
    for (const int8_t *end = logits + gate->classes; logits < end; logits++) {
        uint32_t difference = (uint32_t)(largest - *logits);
        if (difference < length) {
            sum += table[difference];
            weighted += table[length + difference];
        }
    }
    /* log2 is at most 2^15 log2(C), so the product at most a little above 2^30. */
    uint32_t entropy = (log2_q15(sum) * table[2 * length] >> 15) + quotient_q15(weighted, sum);
    return (uint16_t)(entropy < GATE_ONE ? GATE_ONE - entropy : 0);
}
