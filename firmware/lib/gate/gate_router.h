/* A gate's second model: see contract/gate/router.py and contract/gate/statistics.py. */
#ifndef GATE_ROUTER_H
#define GATE_ROUTER_H

#include "gate.h"

/* Writes the statistics of `gate->classes` logits, of which `top` is the largest. `gate->table` is that of
 * gate_entropy. */
typedef void gate_statistics(const struct gate *gate, const int8_t *logits, uint8_t top, int8_t *statistics);

/* The model: `statistics` fills input 0, so many `features` bytes are copied to input 1, output 0 is one code. */
struct gate_router {
    gate_statistics *statistics;
    uint16_t features;
    uint16_t table_length;
    const uint16_t *table; /* of gate_entropy */
    void *(*input)(size_t index);
    const void *(*output)(size_t index);
    void (*invoke)(void);
};

gate_statistics gate_statistics_small, gate_statistics_full;

#endif
