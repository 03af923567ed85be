/* Margin: the difference of the two largest softmax probabilities, with the table of softmax_response.c.
 *
 * (e_1 - e_2) / sum: the difference is at most 2^15, which shifted by 15 digits fits, and the sum at least 2^15. */
#include "gate.h"

uint16_t gate_margin(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    (void)extra;
    uint32_t sum = 0;
    uint32_t second = 0;
    for (uint16_t i = 0; i < gate->classes; i++) {
        uint32_t difference = (uint32_t)(logits[top] - logits[i]);
        if (difference < gate->table_length) {
            sum += gate->table[difference];
            if (i != top && gate->table[difference] > second) {
                second = gate->table[difference];
            }
        }
    }
    return (uint16_t)(((gate->table[0] - second) << 15) / sum);
}
