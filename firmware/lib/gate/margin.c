/* Margin: the difference of the two largest softmax probabilities, with the table of softmax_response.c.
 *
 * (e_1 - e_2) / sum: the difference is at most 2^15, which shifted by 15 digits fits, and the sum at least 2^15. */
#include "gate.h"

uint16_t gate_margin(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    (void)extra;
    const uint16_t *table = gate->table;
    uint32_t length = gate->table_length;
    int32_t largest = logits[top];
    const int8_t *winner = logits + top;
    uint32_t sum = table[0];
    uint32_t least = length; /* difference to any other */
    for (const int8_t *end = logits + gate->classes; logits < end; logits++) {
        uint32_t difference = (uint32_t)(largest - *logits);
        if (difference < length && logits != winner) {
            sum += table[difference];
            if (difference < least) {
                least = difference;
            }
        }
    }
    uint32_t second = least < length ? table[least] : 0;
    return (uint16_t)(((table[0] - second) << 15) / sum);
}
