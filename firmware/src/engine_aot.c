/* The engine over the C code that `python -m export` generates: model.h says how large everything is. */
#include "engine.h"
#include "model.h"

static const size_t input_bytes[] = {
    MODEL_INPUT_0_BYTES,
#ifdef MODEL_INPUT_1_BYTES
    MODEL_INPUT_1_BYTES,
#endif
#ifdef MODEL_INPUT_2_BYTES
    MODEL_INPUT_2_BYTES,
#endif
#ifdef MODEL_INPUT_3_BYTES
    MODEL_INPUT_3_BYTES,
#endif
};

_Static_assert(sizeof input_bytes / sizeof input_bytes[0] == MODEL_INPUTS, "more inputs than are listed here");

static const size_t output_bytes[] = {
    MODEL_OUTPUT_0_BYTES,
#ifdef MODEL_OUTPUT_1_BYTES
    MODEL_OUTPUT_1_BYTES,
#endif
#ifdef MODEL_OUTPUT_2_BYTES
    MODEL_OUTPUT_2_BYTES,
#endif
#ifdef MODEL_OUTPUT_3_BYTES
    MODEL_OUTPUT_3_BYTES,
#endif
#ifdef MODEL_OUTPUT_4_BYTES
    MODEL_OUTPUT_4_BYTES,
#endif
};

_Static_assert(sizeof output_bytes / sizeof output_bytes[0] == MODEL_OUTPUTS, "more outputs than are listed here");

enum engine_status engine_init(void)
{
    return ENGINE_OK; /* constants are in flash and the arena is in .bss */
}

uint8_t *engine_input(size_t index)
{
    return model_input(index);
}

size_t engine_input_bytes(size_t index)
{
    return input_bytes[index];
}

enum engine_status engine_invoke(void)
{
    model_invoke();
    return ENGINE_OK;
}

size_t engine_outputs(void)
{
    return MODEL_OUTPUTS;
}

const uint8_t *engine_output(size_t index)
{
    return model_output(index);
}

size_t engine_output_bytes(size_t index)
{
    return output_bytes[index];
}

size_t engine_ram_bytes(void)
{
    return model_ram_bytes;
}

enum engine_kind engine_kind(void)
{
    return ENGINE_AOT;
}
