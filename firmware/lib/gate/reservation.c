/* Reservation: 1 - p_abstain, of a network with one more logit, that of abstaining, with the table of softmax_response.c. */
#include "gate.h"

static uint32_t exponential(const struct gate *gate, int32_t difference)
{
    return difference < (int32_t)gate->table_length ? gate->table[difference] : 0;
}

uint16_t gate_reservation(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    int8_t largest = extra[0] > logits[top] ? extra[0] : logits[top];
    uint32_t abstain = exponential(gate, largest - extra[0]);
    uint32_t sum = abstain;
    for (uint16_t i = 0; i < gate->classes; i++) {
        sum += exponential(gate, largest - logits[i]);
    }
    return (uint16_t)(GATE_ONE - (abstain << 15) / sum); /* the sum is at least 2^15 */
}
