/* Entropy and the largest probabilities in falling order, at most TOP of them. */
#include "statistics.h"

#define TOP 10u

void gate_statistics_full(const struct gate *gate, const int8_t *logits, uint8_t top, int8_t *statistics)
{
    const struct gate softmax = statistics_of_softmax(gate);
    uint32_t largest = gate_softmax_response(&softmax, logits, top, NULL);
    int8_t sorted[TOP];
    uint32_t count = 0;
    for (uint32_t i = 0; i < gate->classes; i++) {
        uint32_t place = count;
        if (count < TOP) {
            count++;
        } else if (logits[i] > sorted[TOP - 1]) {
            place = TOP - 1;
        } else {
            continue;
        }
        for (; place > 0 && sorted[place - 1] < logits[i]; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = logits[i];
    }
    statistics[0] = statistics_code(statistics_entropy(gate, logits, top));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t difference = (uint32_t)(logits[top] - sorted[i]);
        uint32_t exponential = difference < softmax.table_length ? softmax.table[difference] : 0;
        statistics[1 + i] = statistics_code(exponential * largest >> 15);
    }
}
