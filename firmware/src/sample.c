#include "sample.h"

#include <string.h>

#include "cycles.h"
#include "engine.h"
#include "fault.h"
#include "gate.h"
#include "link.h"
#include "model_gate.h"
#include "settings.h"
#include "statistics.h"
#include "ticks.h"

#define PROBABILITY_ONE 32768u /* Q15 */

static uint32_t ticks_per_millisecond;

static struct {
    uint32_t number; /* the host's */
    size_t loaded;   /* bytes of the input that are there, from the first on without a gap */
    bool inferred;
    bool waiting; /* for an ANSWER */
    struct gate_decision own;
    uint64_t asked;    /* ticks when the last UPLINK was sent */
    uint64_t deadline; /* ticks */
} sample;

void sample_start(uint32_t clock_hz)
{
    ticks_per_millisecond = clock_hz / 1000;
}

void sample_refuse(uint8_t type, uint32_t number, enum message_reason reason)
{
    struct message_refused refused = {.type = type, .sample = number, .reason = (uint8_t)reason};
    size_t length;
    statistics.refused++;
    if (message_refused_encode(&refused, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_REFUSED, length);
    }
}

enum message_status sample_load(const struct frame *frame)
{
    struct message_load load;
    enum message_status status = message_load_decode(&load, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (sample.waiting) {
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_BUSY);
        return MESSAGE_OK;
    }
    if (load.offset > engine_input_bytes() || load.data_length > engine_input_bytes() - load.offset) {
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    if (load.sample != sample.number || sample.inferred) {
        sample_forget();
        sample.number = load.sample;
    }
    if (load.offset > sample.loaded) { /* the piece before this one was lost */
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_INCOMPLETE_SAMPLE);
        return MESSAGE_OK;
    }
    memcpy(engine_input() + load.offset, load.data, load.data_length);
    if (load.offset + load.data_length > sample.loaded) {
        sample.loaded = load.offset + load.data_length;
    }
    return MESSAGE_OK;
}

static void send_result(uint32_t infer_cycles, uint32_t gate_cycles)
{
    struct message_result result = {
        .sample = sample.number,
        .class_index = sample.own.class_index,
        .score = sample.own.score,
        .accepted = sample.own.accepted,
        .infer_cycles = infer_cycles,
        .gate_cycles = gate_cycles,
    };
    size_t length;
    if (message_result_encode(&result, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_RESULT, length);
    }
}

static void send_uplink(void)
{
    size_t total = engine_input_bytes();
    for (size_t offset = 0; offset < total;) {
        size_t piece = total - offset < MESSAGE_UPLINK_DATA_MAX ? total - offset : MESSAGE_UPLINK_DATA_MAX;
        struct message_uplink uplink = {
            .sample = sample.number,
            .offset = (uint32_t)offset,
            .total = (uint32_t)total,
            .data = engine_input() + offset,
            .data_length = piece,
        };
        size_t length;
        if (message_uplink_encode(&uplink, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
            link_send(MESSAGE_UPLINK, length);
        }
        offset += piece;
    }
}

static void send_final(uint8_t class_index, uint16_t probability, enum message_source source)
{
    uint64_t waited = ticks_now() - sample.asked;
    struct message_final final = {
        .sample = sample.number,
        .class_index = class_index,
        .probability = probability,
        .source = (uint8_t)source,
        .wait_cycles = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX,
    };
    size_t length;
    sample.waiting = false;
    if (message_final_encode(&final, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_FINAL, length);
    }
}

enum message_status sample_infer(const struct frame *frame)
{
    struct message_infer infer;
    enum message_status status = message_infer_decode(&infer, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (sample.waiting) {
        sample_refuse(MESSAGE_INFER, infer.sample, MESSAGE_REASON_BUSY);
        return MESSAGE_OK;
    }
    if (infer.sample != sample.number || sample.loaded < engine_input_bytes()) {
        sample_refuse(MESSAGE_INFER, infer.sample, MESSAGE_REASON_INCOMPLETE_SAMPLE);
        return MESSAGE_OK;
    }

    uint32_t start = cycles_now();
    if (engine_invoke() != ENGINE_OK) {
        fault_stop();
    }
    uint32_t infer_cycles = cycles_since(start);
    const int8_t *logits = (const int8_t *)engine_output(MODEL_GATE_OUTPUT);
    start = cycles_now();
    sample.own = gate_decide(&model_gate, settings.threshold, logits);
    uint32_t gate_cycles = cycles_since(start);

    sample.inferred = true;
    statistics.samples++;
    send_result(infer_cycles, gate_cycles);
    if (sample.own.accepted) {
        statistics.accepted++;
        return MESSAGE_OK;
    }
    statistics.abstained++;
    send_uplink();
    sample.waiting = true;
    sample.asked = ticks_now();
    sample.deadline = sample.asked + (uint64_t)settings.deadline_ms * ticks_per_millisecond;
    return MESSAGE_OK;
}

enum message_status sample_answer(const struct frame *frame)
{
    struct message_answer answer;
    enum message_status status = message_answer_decode(&answer, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (!sample.waiting || answer.sample != sample.number) {
        sample_refuse(MESSAGE_ANSWER, answer.sample, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return MESSAGE_OK;
    }
    if (answer.class_index >= MODEL_CLASSES || answer.probability > PROBABILITY_ONE) {
        sample_refuse(MESSAGE_ANSWER, answer.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    statistics.answered++;
    send_final(answer.class_index, answer.probability, MESSAGE_SOURCE_HOST);
    return MESSAGE_OK;
}

void sample_poll(void)
{
    if (sample.waiting && ticks_now() >= sample.deadline) {
        statistics.fallbacks++;
        send_final(sample.own.class_index, sample.own.score, MESSAGE_SOURCE_FALLBACK);
    }
}

bool sample_may_sleep(void)
{
    return !sample.waiting || ticks_now() + TICKS_WRAP < sample.deadline;
}

void sample_forget(void)
{
    statistics.fallbacks += sample.waiting;
    sample.waiting = false;
    sample.inferred = false;
    sample.loaded = 0;
}

bool sample_inferred(void)
{
    return sample.inferred;
}
