#include "sample.h"

#include <string.h>

#include "cycles.h"
#include "engine.h"
#include "fault.h"
#include "link.h"
#include "model_gate.h"
#include "options.h"
#include "settings.h"
#include "source.h"
#include "statistics.h"
#include "ticks.h"

#define PROBABILITY_ONE 32768u /* Q15 */

static uint32_t ticks_per_millisecond;

static struct {
    uint32_t number; /* the host's */
    uint32_t origin; /* its number among those of the board's own source, from 1 on; 0: it came from the host */
    bool begun;
    bool inferred;          /* the outputs are of it */
    bool decided;           /* what follows is known: */
    bool ended;             /* accepted, or FINAL was sent: `final` then is that */
    uint8_t stage;          /* enum message_stage */
    uint8_t consent;        /* enum message_consent, in force at the decision */
    size_t loaded;          /* bytes of the input that are there, from the first on without a gap */
    struct verdict verdict; /* until it is decided, what the steps so far say */
    uint64_t decided_at;    /* ticks */
    const uint8_t *codes;
    size_t length;     /* of the codes */
    uint64_t asked;    /* ticks when the last UPLINK was sent, or of the decision */
    uint64_t deadline; /* ticks */
    struct message_final final;
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

static bool waiting(void)
{
    return sample.decided && !sample.ended;
}

static void send_result(void)
{
    const struct verdict *verdict = &sample.verdict;
    struct message_result result = {
        .sample = sample.number,
        .class_index = verdict->decision.class_index,
        .score = verdict->decision.score,
        .stage = sample.stage,
        .steps = verdict->steps,
        .origin = sample.origin,
        .infer_cycles = verdict->infer_cycles,
        .gate_cycles = verdict->gate_cycles,
        .ticks = sample.decided_at,
    };
    size_t length;
    if (message_result_encode(&result, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_RESULT, length);
    }
}

static void send_final(void)
{
    size_t length;
    if (message_final_encode(&sample.final, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_FINAL, length);
    }
}

/* Where the decided sample stands: the answer to whatever was carried out before, or does not fit. */
static void report(void)
{
    send_result();
    if (sample.ended && sample.stage != MESSAGE_STAGE_ACCEPTED) {
        send_final();
    }
}

static void send_uplink(size_t offset, size_t most)
{
    size_t left = sample.length - offset;
    size_t piece = most < MESSAGE_UPLINK_DATA_MAX ? most : MESSAGE_UPLINK_DATA_MAX;
    struct message_uplink uplink = {
        .sample = sample.number,
        .offset = (uint32_t)offset,
        .total = (uint32_t)sample.length,
        .data = sample.codes + offset,
        .data_length = piece < left ? piece : left,
    };
    size_t length;
    if (message_uplink_encode(&uplink, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_UPLINK, length);
    }
}

static void wait_for(uint32_t milliseconds)
{
    sample.asked = ticks_now();
    sample.deadline = sample.asked + (uint64_t)milliseconds * ticks_per_millisecond;
}

static void send_up(void)
{
    for (size_t offset = 0; offset < sample.length; offset += MESSAGE_UPLINK_DATA_MAX) {
        send_uplink(offset, MESSAGE_UPLINK_DATA_MAX);
    }
    wait_for(settings.deadline_ms);
}

static void end(uint8_t class_index, uint16_t probability, enum message_source source)
{
    uint64_t waited = ticks_now() - sample.asked;
    sample.ended = true;
    sample.final = (struct message_final){
        .sample = sample.number,
        .class_index = class_index,
        .probability = probability,
        .source = (uint8_t)source,
        .wait_cycles = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX,
    };
    send_final();
}

/* With the board's own answer, since no other will come. */
static void end_alone(void)
{
    const struct gate_decision *own = &sample.verdict.decision;
    if (sample.stage == MESSAGE_STAGE_SENT_UP) {
        statistics.fallbacks++;
        end(own->class_index, own->score, MESSAGE_SOURCE_FALLBACK);
    } else {
        statistics.withheld++;
        sample.stage = MESSAGE_STAGE_WITHHELD;
        end(own->class_index, own->score, MESSAGE_SOURCE_WITHHELD);
    }
}

static enum message_stage stage_of(const struct verdict *verdict)
{
    static const enum message_stage abstained[] = {
        [MESSAGE_CONSENT_ALWAYS] = MESSAGE_STAGE_SENT_UP,
        [MESSAGE_CONSENT_ASK] = MESSAGE_STAGE_HELD,
        [MESSAGE_CONSENT_NEVER] = MESSAGE_STAGE_WITHHELD,
    };
    return verdict->decision.accepted ? MESSAGE_STAGE_ACCEPTED : abstained[settings.consent];
}

void sample_decided(const uint8_t *codes, size_t length)
{
    sample.decided = true;
    sample.decided_at = ticks_now();
    sample.consent = settings.consent;
    sample.stage = (uint8_t)stage_of(&sample.verdict);
    sample.ended = sample.stage == MESSAGE_STAGE_ACCEPTED;
    sample.codes = codes;
    sample.length = length;
    statistics.samples++;
    send_result();
    if (sample.ended) {
        statistics.accepted++;
        return;
    }
    statistics.abstained++;
    if (sample.stage == MESSAGE_STAGE_SENT_UP) {
        send_up();
    } else {
        wait_for(settings.consent_ms);
    }
    if (sample.stage == MESSAGE_STAGE_WITHHELD) {
        end_alone();
    }
}

static void begin(uint32_t number)
{
    memset(&sample, 0, sizeof sample);
    sample.number = number;
    sample.begun = true;
}

bool sample_takes(uint8_t type, uint32_t number)
{
    if (sample.begun && number == sample.number) {
        if (sample.decided) {
            report();
        }
        return !sample.decided;
    }
    if (sample.begun && number - sample.number > UINT32_MAX / 2) { /* repeated, or late */
        sample_refuse(type, number, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return false;
    }
    if (waiting()) {
        sample_refuse(type, number, MESSAGE_REASON_BUSY);
        return false;
    }
    begin(number);
    return true;
}

struct verdict *sample_verdict(void)
{
    return &sample.verdict;
}

void sample_run(void)
{
    struct verdict *verdict = &sample.verdict;
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

enum message_status sample_load(const struct frame *frame)
{
    struct message_load load;
    enum message_status status = message_load_decode(&load, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (load.offset > engine_input_bytes(0) || load.data_length > engine_input_bytes(0) - load.offset) {
        sample_refuse(MESSAGE_LOAD, load.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    /* Beyond what is there is beyond a piece that was lost; the host learns of it from LOADED. */
    if (sample_takes(MESSAGE_LOAD, load.sample) && load.offset <= sample.loaded) {
        memcpy(engine_input(0) + load.offset, load.data, load.data_length);
        if (load.offset + load.data_length > sample.loaded) {
            sample.loaded = load.offset + load.data_length;
        }
    }
    return MESSAGE_OK;
}

static void send_loaded(uint16_t request)
{
    struct message_loaded loaded = {
        .sample = sample.number, .length = (uint32_t)sample.loaded, .request = request};
    size_t length;
    if (message_loaded_encode(&loaded, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_LOADED, length);
    }
}

enum message_status sample_infer(const struct frame *frame)
{
    struct message_infer infer;
    enum message_status status = message_infer_decode(&infer, frame->payload, frame->length);
    if (status != MESSAGE_OK || !sample_takes(MESSAGE_INFER, infer.sample)) {
        return status;
    }
    if (sample.loaded < engine_input_bytes(0)) {
        send_loaded(frame->sequence);
        return MESSAGE_OK;
    }
    sample_run();
    sample_decided(engine_input(0), engine_input_bytes(0));
    return MESSAGE_OK;
}

#if OPTION_SOURCE

bool sample_captured(uint8_t *codes, size_t length, size_t step)
{
    static uint32_t captured; /* samples, since the reset */
    if (step > 0 && sample.origin == 0) { /* the frames before came from the host */
        return false;
    }
    if (source_take(codes, length, step) != SOURCE_OK) {
        return false;
    }
    if (step == 0) {
        sample.origin = ++captured;
    }
    return true;
}

enum message_status sample_capture(const struct frame *frame)
{
    struct message_capture capture;
    enum message_status status = message_capture_decode(&capture, frame->payload, frame->length);
    if (status != MESSAGE_OK || !sample_takes(MESSAGE_CAPTURE, capture.sample)) {
        return status;
    }
    if (!sample_captured(engine_input(0), engine_input_bytes(0), 0)) {
        sample_refuse(MESSAGE_CAPTURE, capture.sample, MESSAGE_REASON_NO_SAMPLE);
        return MESSAGE_OK;
    }
    sample_run();
    sample_decided(engine_input(0), engine_input_bytes(0));
    return MESSAGE_OK;
}

#endif

enum message_status sample_not_served(const struct frame *frame)
{
    if (frame->length < sizeof(uint32_t)) {
        return MESSAGE_TRUNCATED;
    }
    enum message_reason reason = frame->type == MESSAGE_CAPTURE ? MESSAGE_REASON_NO_SOURCE : MESSAGE_REASON_WRONG_KIND;
    sample_refuse(frame->type, message_get_u32(frame->payload), reason);
    return MESSAGE_OK;
}

/* Whether the sample waits in that stage. If not, the request has been answered here. */
static bool waits(uint8_t type, uint32_t number, bool in_stage)
{
    if (!sample.decided || number != sample.number) {
        sample_refuse(type, number, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return false;
    }
    if (sample.ended || !in_stage) {
        report();
        return false;
    }
    return true;
}

enum message_status sample_resend(const struct frame *frame)
{
    struct message_resend resend;
    enum message_status status = message_resend_decode(&resend, frame->payload, frame->length);
    if (status != MESSAGE_OK || !waits(MESSAGE_RESEND, resend.sample, sample.stage == MESSAGE_STAGE_SENT_UP)) {
        return status;
    }
    if (resend.offset >= sample.length) {
        sample_refuse(MESSAGE_RESEND, resend.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    send_uplink(resend.offset, resend.length);
    wait_for(settings.deadline_ms);
    return MESSAGE_OK;
}

enum message_status sample_release(const struct frame *frame)
{
    struct message_release release;
    enum message_status status = message_release_decode(&release, frame->payload, frame->length);
    if (status == MESSAGE_OK && waits(MESSAGE_RELEASE, release.sample, sample.stage == MESSAGE_STAGE_HELD)) {
        sample.stage = MESSAGE_STAGE_SENT_UP;
        send_up();
    }
    return status;
}

enum message_status sample_answer(const struct frame *frame)
{
    struct message_answer answer;
    enum message_status status = message_answer_decode(&answer, frame->payload, frame->length);
    if (status != MESSAGE_OK || !waits(MESSAGE_ANSWER, answer.sample, sample.stage == MESSAGE_STAGE_SENT_UP)) {
        return status;
    }
    if (answer.class_index >= MODEL_CLASSES || answer.probability > PROBABILITY_ONE) {
        sample_refuse(MESSAGE_ANSWER, answer.sample, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    statistics.answered++;
    end(answer.class_index, answer.probability, MESSAGE_SOURCE_HOST);
    return MESSAGE_OK;
}

enum message_status sample_decline(const struct frame *frame)
{
    struct message_decline decline;
    enum message_status status = message_decline_decode(&decline, frame->payload, frame->length);
    if (status == MESSAGE_OK && waits(MESSAGE_DECLINE, decline.sample, true)) {
        end_alone();
    }
    return status;
}

void sample_poll(void)
{
    if (waiting() && ticks_now() >= sample.deadline) {
        end_alone();
    }
}

bool sample_may_sleep(void)
{
    return !waiting() || ticks_now() + TICKS_WRAP < sample.deadline;
}

void sample_forget(void)
{
    if (waiting()) {
        statistics.fallbacks += sample.stage == MESSAGE_STAGE_SENT_UP;
        statistics.withheld += sample.stage != MESSAGE_STAGE_SENT_UP;
    }
    memset(&sample, 0, sizeof sample);
}

bool sample_is_own(void)
{
    return sample.origin > 0;
}

bool sample_inferred(void)
{
    return sample.inferred;
}

bool sample_may_leave(void)
{
    uint8_t consent = sample.decided ? sample.consent : settings.consent;
    return consent == MESSAGE_CONSENT_ALWAYS || sample.stage == MESSAGE_STAGE_SENT_UP;
}
