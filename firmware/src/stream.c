#include "stream.h"

#include <string.h>

#include "cycles.h"
#include "engine.h"
#include "link.h"
#include "model_stream.h"
#include "sample.h"

#if MODEL_STEPS > 0 /* otherwise the model has no state, and main.c refuses what is served here */

_Static_assert(MODEL_FRAME_BYTES <= MESSAGE_PUSH_DATA_MAX, "a frame must fit in a PUSH");

static uint8_t stream_sequence[MODEL_STEPS * MODEL_FRAME_BYTES]; /* firmware/size.py knows it by this name */

static struct verdict verdict; /* of the first `verdict.steps` frames of the sequence */
static bool decided;

/* Whether frames of that sample were taken, and the host has not begun anew since. */
static bool begun(uint32_t sample)
{
    return sample_is(sample) && sample_inferred();
}

static void reset_state(void)
{
    for (size_t i = 0; i < MODEL_STATES; i++) {
        memset(engine_input(model_states[i].input), model_states[i].zero, model_states[i].bytes);
    }
}

static void keep_state(void)
{
    uint32_t start = cycles_now();
    for (size_t i = 0; i < MODEL_STATES; i++) {
        memcpy(engine_input(model_states[i].input), engine_output(model_states[i].output), model_states[i].bytes);
    }
    verdict.infer_cycles += cycles_since(start);
}

/* The model takes the next frame of the sequence. */
static void step(void)
{
    memcpy(engine_input(0), stream_sequence + verdict.steps * MODEL_FRAME_BYTES, MODEL_FRAME_BYTES);
    sample_run(&verdict);
    keep_state();
    verdict.steps++;
}

static void decide(void)
{
    decided = true;
    sample_decided(&verdict, stream_sequence, verdict.steps * MODEL_FRAME_BYTES);
}

static void send_step(uint32_t sample)
{
    struct message_step message = {
        .sample = sample,
        .steps = verdict.steps,
        .class_index = verdict.decision.class_index,
        .score = verdict.decision.score,
        .infer_cycles = verdict.infer_cycles,
        .gate_cycles = verdict.gate_cycles,
    };
    size_t length;
    if (message_step_encode(&message, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_STEP, length);
    }
}

enum message_status stream_push(const struct frame *frame)
{
    struct message_push push;
    enum message_status status = message_push_decode(&push, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (sample_busy(MESSAGE_PUSH, push.sample)) {
        return MESSAGE_OK;
    }
    size_t frames = push.data_length / MODEL_FRAME_BYTES;
    if (frames == 0 || frames * MODEL_FRAME_BYTES != push.data_length || push.step + frames > MODEL_STEPS) {
        sample_refuse(MESSAGE_PUSH, push.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    if (push.step == 0) {
        sample_begin(push.sample);
        verdict = (struct verdict){0};
        decided = false;
        reset_state();
    } else if (begun(push.sample) && decided) {
        sample_refuse(MESSAGE_PUSH, push.sample, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return MESSAGE_OK;
    } else if (!begun(push.sample) || push.step != verdict.steps) { /* what comes before it was lost */
        sample_refuse(MESSAGE_PUSH, push.sample, MESSAGE_REASON_INCOMPLETE_SAMPLE);
        return MESSAGE_OK;
    }

    memcpy(stream_sequence + push.step * MODEL_FRAME_BYTES, push.data, push.data_length);
    while (frames-- > 0) {
        step();
        verdict.decision.accepted = verdict.decision.accepted && verdict.steps >= MODEL_MINIMUM_STEPS;
        if (verdict.decision.accepted || verdict.steps == MODEL_STEPS) {
            decide(); /* the other frames are not needed */
            return MESSAGE_OK;
        }
    }
    send_step(push.sample);
    return MESSAGE_OK;
}

enum message_status stream_finish(const struct frame *frame)
{
    struct message_finish finish;
    enum message_status status = message_finish_decode(&finish, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (sample_busy(MESSAGE_FINISH, finish.sample)) {
        return MESSAGE_OK;
    }
    if (!begun(finish.sample) || decided) {
        sample_refuse(MESSAGE_FINISH, finish.sample, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return MESSAGE_OK;
    }
    decide();
    return MESSAGE_OK;
}

#endif
