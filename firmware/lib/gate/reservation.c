/* Reservation: 1 - p_abstain, of a network with one more logit, that of abstaining, with the table of
 * softmax_response.c. */
#include "gate.h"

uint16_t gate_reservation(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    const uint16_t *table = gate->table;
    uint32_t length = gate->table_length;
    int32_t largest = *extra > logits[top] ? *extra : logits[top];
    uint32_t behind = (uint32_t)(largest - *extra);
    uint32_t abstain = behind < length ? table[behind] : 0;
    uint32_t sum = abstain;
    for (const int8_t *end = logits + gate->classes; logits < end; logits++) {
        uint32_t difference = (uint32_t)(largest - *logits);
        if (difference < length) {
            sum += table[difference];
        }
    }
    return (uint16_t)(GATE_ONE - (abstain << 15) / sum); /* the sum is at least 2^15 */
}
