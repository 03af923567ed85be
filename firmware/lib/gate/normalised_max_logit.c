/* The largest logit after centring, over the Euclidean norm of all: max(z - mean z) / ||z - mean z||_2.
 *
 * With d_i = q_max - q_i <= 255, A = sum d_i <= 255^2 and V = C sum d_i^2 - A^2 for C <= 256 classes, it is A / sqrt(C
 * V). C sum d_i^2 is at most 256 * 255 * 255^2 < 2^32. The table is the one number 2^15 / sqrt(C). */
#include "gate.h"

/* The root of a value of 2^30 or more, rounded down: 16 digits, of which the first is 1. */
static uint32_t root(uint32_t value)
{
    uint32_t result = UINT32_C(1) << 15;
    for (uint32_t digit = result >> 1; digit > 0; digit >>= 1) {
        if ((result | digit) * (result | digit) <= value) {
            result |= digit;
        }
    }
    return result;
}

uint16_t gate_normalised_max_logit(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    (void)extra;
    int32_t largest = logits[top];
    uint32_t sum = 0;
    uint32_t squares = 0;
    for (const int8_t *end = logits + gate->classes; logits < end; logits++) {
        uint32_t difference = (uint32_t)(largest - *logits);
        sum += difference;
        squares += difference * difference;
    }
    uint32_t spread = gate->classes * squares - sum * sum; /* never negative (Cauchy and Schwarz) */
    if (spread == 0) {
        return 0; /* all are equal */
    }
    while (spread < UINT32_C(1) << 30) {
        spread <<= 2;
        sum <<= 1;
    }
    /* The quotient is at most 2^15 / sqrt(C) * sqrt(C) * 2^16 / root: the product fits, and a root rounded down may
     * exceed 1. */
    uint32_t score = sum * gate->table[0] / root(spread);
    return (uint16_t)(score < GATE_ONE ? score : GATE_ONE);
}
