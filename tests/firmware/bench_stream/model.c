#include "model.h"

#include <stdint.h>

static int8_t frame[MODEL_INPUT_0_BYTES], sums[MODEL_INPUT_1_BYTES], next_sums[MODEL_OUTPUT_2_BYTES];
static int8_t logits[MODEL_OUTPUT_0_BYTES];
static int16_t count, next_count;

void *model_input(size_t index)
{
    return index == 0 ? (void *)frame : index == 1 ? (void *)sums : (void *)&count;
}

const void *model_output(size_t index)
{
    return index == 0 ? (const void *)logits : index == 1 ? (const void *)&next_count : (const void *)next_sums;
}

void model_invoke(void)
{
    for (size_t i = 0; i < sizeof sums; i++) {
        int sum = sums[i] + frame[i];
        next_sums[i] = logits[i] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }
    next_count = (int16_t)(count + 1);
    for (size_t i = 0; i < sizeof sums; i++) {
        sums[i] = 99; /* inputs survive here, but nobody may count on a state's */
    }
}
