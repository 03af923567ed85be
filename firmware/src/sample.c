#include "sample.h"

#include <string.h>

#include "cycles.h"
#include "engine.h"
#include "fault.h"
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
    if (sample_busy(MESSAGE_LOAD, load.sample)) {
        return MESSAGE_OK;
    }
    if (load.offset > engine_input_bytes(0) || load.data_length > engine_input_bytes(0) - load.offset) {
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    if (!sample_is(load.sample) || sample.inferred) {
        sample_begin(load.sample);
    }
    if (load.offset > sample.loaded) { /* the piece before this one was lost */
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_INCOMPLETE_SAMPLE);
        return MESSAGE_OK;
    }
    memcpy(engine_input(0) + load.offset, load.data, load.data_length);
    if (load.offset + load.data_length > sample.loaded) {
        sample.loaded = load.offset + load.data_length;
    }
    return MESSAGE_OK;
}

enum message_status sample_infer(const struct frame *frame)
{
    struct message_infer infer;
    enum message_status status = message_infer_decode(&infer, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (sample_busy(MESSAGE_INFER, infer.sample)) {
        return MESSAGE_OK;
    }
    if (!sample_is(infer.sample) || sample.loaded < engine_input_bytes(0)) {
        sample_refuse(MESSAGE_INFER, infer.sample, MESSAGE_REASON_INCOMPLETE_SAMPLE);
        return MESSAGE_OK;
    }
    struct verdict verdict = {0};
    sample_run(&verdict);
    sample_decided(&verdict, engine_input(0), engine_input_bytes(0));
    return MESSAGE_OK;
}

enum message_status sample_wrong_kind(const struct frame *frame)
{
    if (frame->length < sizeof(uint32_t)) {
        return MESSAGE_TRUNCATED;
    }
    sample_refuse(frame->type, message_get_u32(frame->payload), MESSAGE_REASON_WRONG_KIND);
    return MESSAGE_OK;
}

void sample_run(struct verdict *verdict)
{
    uint32_t start = cycles_now();
    if (engine_invoke() != ENGINE_OK) {
        fault_stop();
    }
    verdict->infer_cycles += cycles_since(start);
    const int8_t *logits = (const int8_t *)engine_output(MODEL_GATE_OUTPUT);
    const int8_t *extra = (const int8_t *)engine_output(MODEL_GATE_EXTRA_OUTPUT) + MODEL_GATE_EXTRA_OFFSET;
    start = cycles_now();
    verdict->decision = gate_decide(&model_gate, settings.threshold, logits, extra);
    verdict->gate_cycles += cycles_since(start);
    sample.inferred = true;
}

static void send_result(const struct verdict *verdict)
{
    struct message_result result = {
        .sample = sample.number,
        .class_index = verdict->decision.class_index,
        .score = verdict->decision.score,
        .accepted = verdict->decision.accepted,
        .steps = verdict->steps,
        .infer_cycles = verdict->infer_cycles,
        .gate_cycles = verdict->gate_cycles,
    };
    size_t length;
    if (message_result_encode(&result, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_RESULT, length);
    }
}

static void send_uplink(const uint8_t *codes, size_t total)
{
    for (size_t offset = 0; offset < total;) {
        size_t piece = total - offset < MESSAGE_UPLINK_DATA_MAX ? total - offset : MESSAGE_UPLINK_DATA_MAX;
        struct message_uplink uplink = {
            .sample = sample.number,
            .offset = (uint32_t)offset,
            .total = (uint32_t)total,
            .data = codes + offset,
            .data_length = piece,
        };
        size_t length;
        if (message_uplink_encode(&uplink, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
            link_send(MESSAGE_UPLINK, length);
        }
        offset += piece;
    }
}

void sample_decided(const struct verdict *verdict, const uint8_t *codes, size_t length)
{
    sample.own = verdict->decision;
    statistics.samples++;
    send_result(verdict);
    if (verdict->decision.accepted) {
        statistics.accepted++;
        return;
    }
    statistics.abstained++;
    send_uplink(codes, length);
    sample.waiting = true;
    sample.asked = ticks_now();
    sample.deadline = sample.asked + (uint64_t)settings.deadline_ms * ticks_per_millisecond;
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

void sample_begin(uint32_t number)
{
    sample_forget();
    sample.number = number;
}

bool sample_is(uint32_t number)
{
    return sample.number == number;
}

bool sample_busy(uint8_t type, uint32_t number)
{
    if (sample.waiting) {
        sample_refuse(type, number, MESSAGE_REASON_BUSY);
    }
    return sample.waiting;
}

bool sample_inferred(void)
{
    return sample.inferred;
}
