/* The gate: from the int8 outputs of a model to a class, a score and accept or abstain, in integers. Twin of
 * contract/gate.
 *
 * The score is a code in 0 .. 32768 (Q15), higher meaning more confident; a sample is accepted if its score, with the
 * offset of its class added, is at least the threshold. A score is one .c file here and one file in contract/gate; a
 * model's gate names its function, so that no other is linked. */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_ONE 32768 /* the code of certainty */

struct gate;
struct gate_router;

/* The code of a sample: `logits` are those of the classes, `top` is the index of the largest, `extra` is what else the
 * score reads. */
typedef uint16_t gate_score(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra);

/* What the manifest says about a model's gate. `table` belongs to the score. `classes` is 1 to 256; `offsets` has one
 * for each class, or is NULL. `router` is for gate_router, otherwise NULL. */
struct gate {
    gate_score *score;
    uint16_t classes;
    uint16_t threshold;
    uint16_t table_length;
    const uint16_t *table;
    const int16_t *offsets;
    const struct gate_router *router;
};

/* `score` has its class's offset in it, saturated to 0 .. 32768. */
struct gate_decision {
    uint16_t score;
    uint8_t class_index;
    bool accepted;
};

/* Decide on `gate->classes` logits and on `extra`, which scores of logits alone do not read. `threshold` is given
 * apart, because the host can change it. */
struct gate_decision gate_decide(const struct gate *gate, uint16_t threshold, const int8_t *logits, const int8_t *extra);

/* `extra` is not read, but for gate_reservation, where it is the logit of abstaining, gate_head, where it is a code of
 * the output "gate", and gate_router, where it is the output "features". */
gate_score gate_softmax_response, gate_margin, gate_entropy, gate_normalised_max_logit, gate_reservation, gate_head, gate_router;

#endif
