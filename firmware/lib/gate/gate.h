/* The gate: from int8 logits to a class, a score and accept or abstain, in integers. Twin of contract/gate.
 *
 * The score is a code in 0 .. 32768 (Q15), higher meaning more confident; a sample is accepted if its score is at least
 * the threshold. A score is one .c file here, one file in contract/gate, and one line in `scores` of gate.c. */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>

enum gate_score {
    GATE_SOFTMAX_RESPONSE,
};

/* What the manifest says about a model's gate. `table` belongs to the score. `classes` is 1 to 256. */
struct gate {
    enum gate_score score;
    uint16_t classes;
    uint16_t threshold;
    uint16_t table_length;
    const uint16_t *table;
};

struct gate_decision {
    uint16_t score;
    uint8_t class_index;
    bool accepted;
};

/* Decide on `gate->classes` logits. `threshold` is given apart, because the host can change it. */
struct gate_decision gate_decide(const struct gate *gate, uint16_t threshold, const int8_t *logits);

/* The scores: `top` is the index of the largest logit. */
uint16_t gate_softmax_response(const struct gate *gate, const int8_t *logits, uint8_t top);

#endif
