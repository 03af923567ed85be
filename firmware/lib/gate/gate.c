#include "gate.h"

/* The lowest index wins a tie, as in contract.gate.predicted_class. */
static uint8_t predicted_class(const int8_t *logits, uint32_t classes)
{
    uint32_t top = 0;
    int32_t largest = logits[0];
    for (uint32_t i = 1; i < classes; i++) {
        if (logits[i] > largest) {
            largest = logits[i];
            top = i;
        }
    }
    return (uint8_t)top;
}

static uint16_t with_offset(uint16_t score, int16_t offset)
{
    int32_t sum = score + offset;
    return (uint16_t)(sum < 0 ? 0 : sum > GATE_ONE ? GATE_ONE : sum);
}

struct gate_decision gate_decide(const struct gate *gate, uint16_t threshold, const int8_t *logits, const int8_t *extra)
{
    uint8_t top = predicted_class(logits, gate->classes);
    uint16_t score = gate->score(gate, logits, top, extra);
    if (gate->offsets != NULL) {
        score = with_offset(score, gate->offsets[top]);
    }
    return (struct gate_decision){.score = score, .class_index = top, .accepted = score >= threshold};
}
