#ifndef MODEL_STREAM_H
#define MODEL_STREAM_H

#include <stdint.h>

#define MODEL_STEPS 40u
#define MODEL_MINIMUM_STEPS 3u
#define MODEL_FRAME_BYTES 12u
#define MODEL_STATES 2u

struct model_state {
    uint8_t input;
    uint8_t output;
    int8_t zero;
    uint16_t bytes;
};

static const struct model_state model_states[MODEL_STATES] = {
    {2, 1, 0, 2},
    {1, 2, -3, 10},
};

#endif
