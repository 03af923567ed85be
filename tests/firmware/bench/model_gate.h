#ifndef MODEL_GATE_H
#define MODEL_GATE_H

#include "gate.h"

#define MODEL_HASH 0x0123456789abcdefull
#define MODEL_GATE_OUTPUT 0u
#define MODEL_GATE_EXTRA_OUTPUT 0u
#define MODEL_GATE_EXTRA_OFFSET 0u
#define MODEL_CLASSES 10u

extern const struct gate model_gate;

#endif
