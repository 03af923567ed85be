#include "model_gate.h"

/* Half as much for each code below the largest. */
static const uint16_t table[] = {32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1};

const struct gate model_gate = {
    .score = gate_softmax_response,
    .classes = MODEL_CLASSES,
    .threshold = 20000,
    .table_length = sizeof table / sizeof table[0],
    .table = table,
};
