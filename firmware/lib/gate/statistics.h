/* What the files of statistics share. */
#ifndef GATE_STATISTICS_H
#define GATE_STATISTICS_H

#include "gate_router.h"

/* Q15 to int8 with the scale 1/255 and the zero point -128, to nearest. */
static inline int8_t statistics_code(uint32_t figure)
{
    return (int8_t)((int32_t)((figure * 255 + (1u << 14)) >> 15) - 128);
}

/* H / log C in Q15. */
static inline uint32_t statistics_entropy(const struct gate *gate, const int8_t *logits, uint8_t top)
{
    return GATE_ONE - gate_entropy(gate, logits, top, NULL);
}

/* The gate with the first part of its table, which is all that the other scores know. */
static inline struct gate statistics_of_softmax(const struct gate *gate)
{
    struct gate softmax = *gate;
    softmax.table_length /= 2;
    return softmax;
}

#endif
