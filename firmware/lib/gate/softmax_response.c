/* Softmax response: the largest softmax probability, through a log-sum-exp table.
 *
 * With q the logits of scale s and T the temperature, p_max = 1 / sum_i exp(-(q_max - q_i) s / T). The table holds
 * exp(-d s / T) in Q15 for the differences d = 0 .. table_length - 1; a larger difference counts as zero. The sum is at
 * least table[0] = 2^15 and at most 256 * 2^15 = 2^23, so 2^30 / sum is 128 .. 2^15: p_max in Q15. */
#include "gate.h"

uint16_t gate_softmax_response(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    (void)extra;
    const uint16_t *table = gate->table;
    uint32_t length = gate->table_length;
    int32_t largest = logits[top];
    uint32_t sum = 0;
    for (const int8_t *end = logits + gate->classes; logits < end; logits++) {
        uint32_t difference = (uint32_t)(largest - *logits);
        if (difference < length) {
            sum += table[difference];
        }
    }
    return (uint16_t)((UINT32_C(1) << 30) / sum);
}
