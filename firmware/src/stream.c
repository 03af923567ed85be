#include "stream.h"

#include <string.h>

#include "cycles.h"
#include "engine.h"
#include "link.h"
#include "model_stream.h"
#include "options.h"
#include "sample.h"

#if MODEL_STEPS > 0 /* otherwise the model has no state, and main.c refuses what is served here */

_Static_assert(MODEL_FRAME_BYTES <= MESSAGE_PUSH_DATA_MAX, "a frame must fit in a PUSH");

static uint8_t stream_sequence[MODEL_STEPS * MODEL_FRAME_BYTES]; /* firmware/size.py knows it by this name */

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
    sample_verdict()->infer_cycles += cycles_since(start);
}

/* The model takes the next frame of the sequence. True if that decides. */
static bool step(void)
{
    struct verdict *verdict = sample_verdict();
    if (verdict->steps == 0) {
        reset_state();
    }
    memcpy(engine_input(0), stream_sequence + verdict->steps * MODEL_FRAME_BYTES, MODEL_FRAME_BYTES);
    sample_run();
    keep_state();
    verdict->steps++;
    verdict->decision.accepted = verdict->decision.accepted && verdict->steps >= MODEL_MINIMUM_STEPS;
    return verdict->decision.accepted || verdict->steps == MODEL_STEPS;
}

static void decide(void)
{
    sample_decided(stream_sequence, sample_verdict()->steps * MODEL_FRAME_BYTES);
}

static void send_step(uint32_t sample)
{
    const struct verdict *verdict = sample_verdict();
    struct message_step message = {
        .sample = sample,
        .steps = verdict->steps,
        .class_index = verdict->decision.class_index,
        .score = verdict->decision.score,
        .infer_cycles = verdict->infer_cycles,
        .gate_cycles = verdict->gate_cycles,
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
    size_t frames = push.data_length / MODEL_FRAME_BYTES;
    if (frames == 0 || frames * MODEL_FRAME_BYTES != push.data_length || push.step + frames > MODEL_STEPS) {
        sample_refuse(MESSAGE_PUSH, push.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    if (!sample_takes(MESSAGE_PUSH, push.sample)) {
        return MESSAGE_OK;
    }
    const struct verdict *verdict = sample_verdict();
    /* Else frames before these were lost, or are the board's own, and STEP says from where on. */
    bool wanted = push.step <= verdict->steps && !sample_is_own();
    if (wanted) {
        memcpy(stream_sequence + push.step * MODEL_FRAME_BYTES, push.data, push.data_length);
    }
    while (wanted && verdict->steps < push.step + frames) {
        if (step()) {
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
    if (status != MESSAGE_OK || !sample_takes(MESSAGE_FINISH, finish.sample)) {
        return status;
    }
    if (sample_verdict()->steps > 0) {
        decide();
    } else {
        send_step(finish.sample);
    }
    return MESSAGE_OK;
}

#if OPTION_SOURCE

enum message_status stream_capture(const struct frame *frame)
{
    struct message_capture capture;
    enum message_status status = message_capture_decode(&capture, frame->payload, frame->length);
    if (status != MESSAGE_OK || !sample_takes(MESSAGE_CAPTURE, capture.sample)) {
        return status;
    }
    const struct verdict *verdict = sample_verdict();
    while (sample_captured(stream_sequence + verdict->steps * MODEL_FRAME_BYTES, MODEL_FRAME_BYTES, verdict->steps)) {
        if (step()) {
            decide();
            return MESSAGE_OK;
        }
    }
    if (verdict->steps > 0) {
        send_step(capture.sample);
    } else {
        sample_refuse(MESSAGE_CAPTURE, capture.sample, MESSAGE_REASON_NO_SAMPLE);
    }
    return MESSAGE_OK;
}

#endif

#endif
