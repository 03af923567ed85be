#include "gate.h"

typedef uint16_t score_function(const struct gate *gate, const int8_t *logits, uint8_t top);

static score_function *const scores[] = {
    [GATE_SOFTMAX_RESPONSE] = gate_softmax_response,
};

/* The lowest index wins a tie, as in contract.gate.predicted_class. */
static uint8_t predicted_class(const int8_t *logits, uint16_t classes)
{
    uint16_t top = 0;
    for (uint16_t i = 1; i < classes; i++) {
        if (logits[i] > logits[top]) {
            top = i;
        }
    }
    return (uint8_t)top;
}

struct gate_decision gate_decide(const struct gate *gate, uint16_t threshold, const int8_t *logits)
{
    uint8_t top = predicted_class(logits, gate->classes);
    uint16_t score = scores[gate->score](gate, logits, top);
    return (struct gate_decision){.score = score, .class_index = top, .accepted = score >= threshold};
}
