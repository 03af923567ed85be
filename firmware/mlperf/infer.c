#include "infer.h"

#include <stdbool.h>
#include <string.h>

#include "benchmark.h"
#include "db.h"
#include "engine.h"
#include "model_mlperf.h"
#include "reply.h"
#include "timestamp.h"

/* What N and W are where the command has none, as in the reference. */
#define DEFAULT_INFERENCES 1u
#define DEFAULT_WARMUPS 10u

static enum engine_status engine;
static bool inferred; /* the engine's outputs are of an inference, and so is: */
static float error;   /* where that is the result */

void infer_start(void)
{
    engine = engine_init();
    size_t each = MODEL_MLPERF_INPUT == BENCHMARK_FLOATS ? sizeof(float) : sizeof(int8_t);
    if (engine == ENGINE_OK && engine_input_bytes(0) * each != MODEL_MLPERF_BYTES) {
        engine = ENGINE_BAD_MODEL; /* model_mlperf.h is of another one */
    }
}

/* Nearest code, halves away from zero, kept within int8, as the reference quantises
 * (benchmark/util/quantization_helpers.h). What is no number becomes the lowest code. */
static int8_t quantise(float value)
{
    float steps = value / MODEL_MLPERF_INPUT_SCALE;
    if (!(steps > -1024.0f)) {
        return INT8_MIN;
    }
    if (steps > 1024.0f) {
        return INT8_MAX;
    }
    int32_t whole = (int32_t)steps; /* towards zero */
    float rest = steps - (float)whole;
    int32_t code = whole + (rest >= 0.5f) - (rest <= -0.5f) + MODEL_MLPERF_INPUT_ZERO_POINT;
    return (int8_t)(code < INT8_MIN ? INT8_MIN : code > INT8_MAX ? INT8_MAX : code);
}

static float sent_float(size_t index)
{
    float value;
    memcpy(&value, db_bytes() + index * sizeof value, sizeof value);
    return value;
}

static float output(size_t index)
{
    int8_t code = (int8_t)engine_output(0)[index];
    return (float)(code - MODEL_MLPERF_OUTPUT_ZERO_POINT) * MODEL_MLPERF_OUTPUT_SCALE;
}

/* db to the model's input. */
static void load(void)
{
    uint8_t *input = engine_input(0);
    for (size_t i = 0; i < engine_input_bytes(0); i++) {
        switch (MODEL_MLPERF_INPUT) {
        case BENCHMARK_CODES:
            input[i] = db_bytes()[i];
            break;
        case BENCHMARK_PIXELS:
            input[i] = db_bytes()[i] ^ 0x80u; /* less 128, modulo 256 */
            break;
        case BENCHMARK_FLOATS:
            input[i] = (uint8_t)quantise(sent_float(i));
            break;
        }
    }
}

static float mean_square(void)
{
    float sum = 0.0f;
    size_t count = engine_output_bytes(0);
    for (size_t i = 0; i < count; i++) {
        float difference = output(i) - sent_float(i);
        sum += difference * difference;
    }
    return sum / (float)count;
}

static void reply_scores(void)
{
    for (size_t i = 0; i < engine_output_bytes(0); i++) {
        if (i > 0) {
            reply(",");
        }
        reply_decimal(output(i));
    }
}

static void results(void)
{
    reply("m-results-[");
    if (MODEL_MLPERF_RESULT == BENCHMARK_ERROR) {
        reply_decimal(error);
    } else {
        reply_scores();
    }
    reply_line("]");
}

void infer_results(const struct command *command)
{
    (void)command;
    if (inferred) {
        results();
    } else {
        reply_line("e-[results: no inference yet]");
    }
}

static bool run(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (engine_invoke() != ENGINE_OK) {
            reply_line("e-[infer: the engine failed]");
            return false;
        }
    }
    return true;
}

static void measure(uint32_t inferences, uint32_t warmups)
{
    load();
    inferred = false;
    reply("m-warmup-start-");
    reply_number(warmups);
    reply_end();
    if (!run(warmups)) {
        return;
    }
    reply_line("m-warmup-done");
    reply("m-infer-start-");
    reply_number(inferences);
    reply_end();
    timestamp();
    if (!run(inferences)) {
        return;
    }
    timestamp();
    reply_line("m-infer-done");
    if (MODEL_MLPERF_RESULT == BENCHMARK_ERROR) {
        error = mean_square();
    }
    inferred = true;
    results();
}

void infer_serve(const struct command *command)
{
    uint32_t inferences = DEFAULT_INFERENCES, warmups = DEFAULT_WARMUPS;
    if (command->words[1] != NULL && (!command_number(command->words[1], &inferences) || inferences == 0)) {
        reply_line("e-[infer: expected a number of inferences above 0]");
    } else if (command->words[2] != NULL && !command_number(command->words[2], &warmups)) {
        reply_line("e-[infer: expected a number of warm-up inferences]");
    } else if (engine != ENGINE_OK) {
        reply_line("e-[infer: the engine does not take the model]");
    } else if (db_length() != MODEL_MLPERF_BYTES) {
        reply("e-[infer: db has ");
        reply_number(db_length());
        reply(" bytes, expected ");
        reply_number(MODEL_MLPERF_BYTES);
        reply_line("]");
    } else {
        measure(inferences, warmups);
    }
}
