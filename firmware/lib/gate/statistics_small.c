/* Entropy, margin and the largest probability. */
#include "statistics.h"

void gate_statistics_small(const struct gate *gate, const int8_t *logits, uint8_t top, int8_t *statistics)
{
    const struct gate softmax = statistics_of_softmax(gate);
    statistics[0] = statistics_code(statistics_entropy(gate, logits, top));
    statistics[1] = statistics_code(gate_margin(&softmax, logits, top, NULL));
    statistics[2] = statistics_code(gate_softmax_response(&softmax, logits, top, NULL));
}
