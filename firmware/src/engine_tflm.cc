/* The engine over TensorFlow Lite Micro's interpreter. No other file knows that library.
 *
 * The model is model_data.cc; model_ops.h, which `python -m export` writes beside it, names the operators to link
 * and the size of the arena. The interpreter puts other tensors where the inputs were, so the inputs that survive
 * are copies of their own, from which each inference begins. Objects are constructed in static memory and never
 * destroyed. */
#include "engine.h"

#include <cstdlib>
#include <cstring>
#include <new>

extern "C" {
#include "fault.h"
}
#include "model_data.h"
#include "model_ops.h"

#pragma GCC diagnostic push /* headers that are not ours */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#pragma GCC diagnostic pop

namespace {

using Resolver = tflite::MicroMutableOpResolver<MODEL_OPS_COUNT>;
using Interpreter = tflite::MicroInterpreter;

constexpr size_t input_bytes[] = {
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

static_assert(sizeof input_bytes / sizeof input_bytes[0] == MODEL_INPUTS, "more inputs than are listed here");

/* Where an input begins: they follow each other. */
constexpr size_t place(size_t index)
{
    size_t at = 0;
    for (size_t i = 0; i < index; i++) {
        at += input_bytes[i];
    }
    return at;
}

alignas(16) uint8_t arena[MODEL_ARENA_BYTES]; /* MicroArenaBufferAlignment() */
alignas(16) uint8_t inputs[place(MODEL_INPUTS)];
alignas(Resolver) uint8_t resolver_memory[sizeof(Resolver)];
alignas(Interpreter) uint8_t interpreter_memory[sizeof(Interpreter)];
Interpreter *interpreter;

bool add_operators(Resolver &resolver)
{
#define ADD(method) \
    if (resolver.method() != kTfLiteOk) { \
        return false; \
    }
    MODEL_OPS(ADD)
#undef ADD
    return true;
}

} // namespace

extern "C" {

/* What the library calls where there is no way on: a failed check, a method that a class lacks. Those of the C and C++
 * libraries would bring signals, stdio and a heap along. */
void __cxa_pure_virtual(void);

void __cxa_pure_virtual(void)
{
    fault_stop();
}

void abort(void)
{
    fault_stop();
}

enum engine_status engine_init(void)
{
    const tflite::Model *model = tflite::GetModel(g_model_data);
    Resolver *resolver = new (resolver_memory) Resolver;
    if (model->version() != TFLITE_SCHEMA_VERSION || !add_operators(*resolver)) {
        return ENGINE_BAD_MODEL;
    }
    interpreter = new (interpreter_memory) Interpreter(model, *resolver, arena, sizeof arena);
    if (interpreter->AllocateTensors() != kTfLiteOk) {
        return ENGINE_NO_MEMORY; /* or a kernel is narrower than its name: CMSIS-NN's int16 FULLY_CONNECTED wants one scale */
    }
    if (interpreter->inputs_size() != MODEL_INPUTS) {
        return ENGINE_BAD_MODEL;
    }
    for (size_t i = 0; i < MODEL_INPUTS; i++) {
        if (interpreter->input(i)->bytes != input_bytes[i]) {
            return ENGINE_BAD_MODEL;
        }
    }
    return ENGINE_OK;
}

uint8_t *engine_input(size_t index)
{
    return inputs + place(index);
}

size_t engine_input_bytes(size_t index)
{
    return input_bytes[index];
}

enum engine_status engine_invoke(void)
{
    for (size_t i = 0; i < MODEL_INPUTS; i++) {
        memcpy(interpreter->input(i)->data.raw, engine_input(i), input_bytes[i]);
    }
    return interpreter->Invoke() == kTfLiteOk ? ENGINE_OK : ENGINE_FAILED;
}

size_t engine_outputs(void)
{
    return interpreter->outputs_size();
}

const uint8_t *engine_output(size_t index)
{
    return interpreter->output(index)->data.uint8;
}

size_t engine_output_bytes(size_t index)
{
    return interpreter->output(index)->bytes;
}

size_t engine_ram_bytes(void)
{
    return sizeof arena + sizeof inputs;
}

enum engine_kind engine_kind(void)
{
    return ENGINE_TFLM;
}

} // extern "C"
