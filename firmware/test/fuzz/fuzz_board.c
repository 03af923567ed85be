/* libFuzzer's target for the application: any messages to firmware/src, and what the board may and may not say to them.
 *
 *     clang -fsanitize=fuzzer,address,undefined -include simulated_board.h -I(generated headers, a bench model) fuzz_board.c
 *         ../../src/(all but engine_tflm).c ../../lib/frame/(all).c ../../lib/gate/gate.c ../../lib/gate/softmax_response.c
 *
 * The hardware is simulated: a UART that reads frames made of the input and checks what is written, and a clock that
 * goes on a little each time it is read. The input is a list of messages, type u8, length u8, payload; type 0xFF lets
 * as many milliseconds pass as its payload says. A payload that begins with the number of a sample gets one of eight
 * numbers, four on either side of a wrap. Built and run by tests/host/test_fuzz.py, once with a model that takes whole
 * samples and once with a recurrent one.
 *
 * What is required of the board:
 *     each write is one frame, well numbered, whose payload is the message of its type;
 *     a decided sample stays decided: RESULT is repeated as it was, but for the stage of a held one, and FINAL as it was;
 *     FINAL has the board's own answer, or the one that ANSWER brought;
 *     without consent neither the sample nor an output leaves: UPLINK and OUTPUT only where it was ALWAYS at the decision, or
 *     after RELEASE of that held sample;
 *     a whole sample is decided only if each of its bytes came in a LOAD, and UPLINK carries it as the model got it;
 *     the board's own source is asked for a sample only if there is none that waits, and for its frames one after the other; its
 *     sample is decided and sent up under its own number, nothing else in it, and no other is decided under that;
 *     a decided sample ends once its deadline has passed. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cycles.h"
#include "engine.h"
#include "fault.h"
#include "frame.h"
#include "messages.h"
#include "model.h"
#include "model_gate.h"
#include "model_stream.h"
#include "require.h"
#include "settings.h"
#include "source.h"
#include "ticks.h"
#include "uart.h"

#define CLOCK_HZ 16000000u
#define CLOCK_STEP 10000u               /* ticks between two readings: a wait of a second is over after 1,600 */
#define AGE (UINT64_C(1) << 50)         /* ticks: longer than any deadline */
#define TIME_PASSES 0xFFu               /* a type that is none */
#define NUMBERS 8u                      /* of samples */
#define ANSWERS_MAX (3u + (MODEL_INPUT_0_BYTES + MODEL_STEPS * MODEL_FRAME_BYTES) / MESSAGE_UPLINK_DATA_MAX)

int firmware_main(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- what is left of the input, and the frame that is being read --- */

static jmp_buf over;
static const uint8_t *input;
static size_t input_left;
static uint8_t wire[FRAME_WIRE_MAX];
static size_t wire_at, wire_length;
static uint16_t sequence;
static unsigned said_first; /* of the two messages that come before the input */
static uint64_t clock_now;
static bool aged;
static unsigned answers; /* to the frame that was read last */

/* --- what the board has said of the sample that it has --- */

static struct frame_receiver host;
static bool in_session;
static struct message_settings in_force;
static struct {
    bool decided;
    bool released;
    bool may_leave; /* its outputs: consent at the decision */
    bool ended;
    bool answered;
    struct message_result result;
    struct message_final final;
    struct message_answer answer; /* that ANSWER brought */
} sample;

static bool sent_up(void)
{
    return sample.released || sample.result.stage == MESSAGE_STAGE_SENT_UP;
}

/* What the board has taken from its source, in all inputs: samples, and frames of the last one. */
static uint32_t captured;
static size_t captured_steps, takes;

/* Byte `i` of frame `step` of the source's sample `number`; every other sample is one to be sure of. */
static uint8_t captured_byte(uint32_t number, size_t step, size_t i)
{
    uint8_t sure = MODEL_STEPS > 0 ? 1 : 100;
    return i >= 10 ? (uint8_t)(number + step + i) : i == 0 && number % 2 == 0 ? sure : 0;
}

/* Which bytes of the samples of this session were in a LOAD. */
static uint8_t loaded[NUMBERS][MODEL_INPUT_0_BYTES];

/* The host's side of a request that the board is about to read. */
static void note(uint8_t type, const uint8_t *payload, size_t length)
{
    struct message_load load;
    struct message_release release;
    struct message_answer answer;
    if (type == MESSAGE_LOAD && message_load_decode(&load, payload, length) == MESSAGE_OK) {
        for (size_t i = 0; i < load.data_length && load.offset + i < MODEL_INPUT_0_BYTES; i++) {
            loaded[load.sample % NUMBERS][load.offset + i] = 1;
        }
    }
    if (!sample.decided || sample.ended) {
        return;
    }
    if (type == MESSAGE_RELEASE && message_release_decode(&release, payload, length) == MESSAGE_OK &&
        release.sample == sample.result.sample && sample.result.stage == MESSAGE_STAGE_HELD) {
        sample.released = true;
    }
    if (type == MESSAGE_ANSWER && message_answer_decode(&answer, payload, length) == MESSAGE_OK &&
        answer.sample == sample.result.sample && sent_up()) {
        sample.answered = true;
        sample.answer = answer;
    }
}

static bool begins_with_a_sample(uint8_t type)
{
    switch (type) {
    case MESSAGE_LOAD:
    case MESSAGE_INFER:
    case MESSAGE_CAPTURE:
    case MESSAGE_PUSH:
    case MESSAGE_FINISH:
    case MESSAGE_ANSWER:
    case MESSAGE_RESEND:
    case MESSAGE_RELEASE:
    case MESSAGE_DECLINE:
        return true;
    default:
        return false;
    }
}

static void send(uint8_t type, const uint8_t *payload, size_t length)
{
    uint8_t own[FRAME_PAYLOAD_MAX] = {0};
    if (length > 0) {
        memcpy(own, payload, length);
    }
    if (begins_with_a_sample(type) && length >= 4) {
        message_put_u32(own, (own[3] % 2 ? UINT32_MAX - 3 : 0) + own[0] % (NUMBERS / 2));
    }
    sequence = type == MESSAGE_HELLO_REQUEST ? 0 : sequence;
    REQUIRE(frame_encode(wire, sizeof wire, &wire_length, type, sequence++, own, length) == FRAME_OK);
    wire_at = 0;
    answers = 0;
    note(type, own, length);
}

/* The application keeps what it has from one input to the next, so each begins with a session of its own. */
static void open_session(void)
{
    const struct message_configure configure = {
        .session = settings.session + 1, .threshold = model_gate.threshold, .deadline_ms = MESSAGE_DEFAULT_DEADLINE_MS};
    uint8_t payload[MESSAGE_CONFIGURE_BYTES];
    size_t length;
    REQUIRE(message_configure_encode(&configure, payload, sizeof payload, &length) == MESSAGE_OK);
    send(MESSAGE_CONFIGURE, payload, length);
}

/* Turn the input into the next frame. False if there is none. */
static bool next(void)
{
    if (said_first < 2) {
        if (said_first++ == 0) {
            send(MESSAGE_HELLO_REQUEST, NULL, 0);
        } else {
            open_session();
        }
        return true;
    }
    while (input_left >= 2) {
        uint8_t type = input[0];
        size_t length = input[1] < FRAME_PAYLOAD_MAX ? input[1] : FRAME_PAYLOAD_MAX;
        length = length < input_left - 2 ? length : input_left - 2;
        const uint8_t *payload = input + 2;
        input += 2 + length;
        input_left -= 2 + length;
        if (type != TIME_PASSES) {
            send(type, payload, length);
            return true;
        }
        clock_now += length >= 4 ? (uint64_t)message_get_u32(payload) * (CLOCK_HZ / 1000) : 0;
    }
    return false;
}

/* --- what the board says --- */

static void said_settings(const struct message_settings *now)
{
    if (!in_session || now->session != in_force.session) {
        memset(&sample, 0, sizeof sample);
        memset(loaded, 0, sizeof loaded);
    }
    in_session = true;
    in_force = *now;
}

static void said_result(struct message_result *result)
{
    if (!sample.decided || result->sample != sample.result.sample) {
        REQUIRE(!sample.decided || sample.ended); /* one at a time */
        REQUIRE(result->origin == 0 || (result->origin == captured && captured_steps == (result->steps ? result->steps : 1)));
        REQUIRE(MODEL_STEPS > 0 || result->origin > 0 || memchr(loaded[result->sample % NUMBERS], 0, sizeof loaded[0]) == NULL);
        REQUIRE(result->stage != MESSAGE_STAGE_SENT_UP || in_force.consent == MESSAGE_CONSENT_ALWAYS);
        REQUIRE(result->stage != MESSAGE_STAGE_HELD || in_force.consent == MESSAGE_CONSENT_ASK);
        REQUIRE(result->stage != MESSAGE_STAGE_WITHHELD || in_force.consent == MESSAGE_CONSENT_NEVER);
        memset(&sample, 0, sizeof sample);
        memcpy(&sample.result, result, sizeof *result);
        sample.decided = true;
        sample.may_leave = in_force.consent == MESSAGE_CONSENT_ALWAYS;
        sample.ended = result->stage == MESSAGE_STAGE_ACCEPTED;
        return;
    }
    if (result->stage != sample.result.stage) {
        REQUIRE(sample.result.stage == MESSAGE_STAGE_HELD);
        REQUIRE(result->stage == (sample.released ? MESSAGE_STAGE_SENT_UP : MESSAGE_STAGE_WITHHELD));
        sample.result.stage = result->stage;
    }
    REQUIRE(memcmp(result, &sample.result, sizeof *result) == 0);
}

/* The next sample has begun. */
static void said_step(const struct message_step *step)
{
    REQUIRE(!sample.decided || (sample.ended && step->sample != sample.result.sample));
    REQUIRE(step->steps < MODEL_STEPS);
    memset(&sample, 0, sizeof sample);
}

static void said_uplink(const struct message_uplink *uplink)
{
    REQUIRE(sample.decided && !sample.ended && uplink->sample == sample.result.sample && sent_up());
    REQUIRE(uplink->data_length <= uplink->total);
    REQUIRE(uplink->offset <= uplink->total - uplink->data_length);
    for (size_t i = 0; i < uplink->data_length && sample.result.origin > 0; i++) {
        size_t at = uplink->offset + i, frame = MODEL_STEPS > 0 ? MODEL_FRAME_BYTES : MODEL_INPUT_0_BYTES;
        REQUIRE(uplink->data[i] == captured_byte(sample.result.origin, at / frame, at % frame));
    }
    if (MODEL_STEPS > 0) {
        REQUIRE(uplink->total == sample.result.steps * MODEL_FRAME_BYTES);
    } else {
        REQUIRE(uplink->total == MODEL_INPUT_0_BYTES);
        REQUIRE(memcmp(uplink->data, engine_input(0) + uplink->offset, uplink->data_length) == 0);
    }
}

static void said_final(struct message_final *final)
{
    REQUIRE(sample.decided && final->sample == sample.result.sample);
    if (sample.ended) {
        REQUIRE(memcmp(final, &sample.final, sizeof *final) == 0);
        return;
    }
    sample.ended = true;
    memcpy(&sample.final, final, sizeof *final);
    if (final->source == MESSAGE_SOURCE_HOST) {
        REQUIRE(sent_up() && sample.answered && final->class_index < 10);
        REQUIRE(final->class_index == sample.answer.class_index && final->probability == sample.answer.probability);
        return;
    }
    REQUIRE(final->source == (sent_up() ? MESSAGE_SOURCE_FALLBACK : MESSAGE_SOURCE_WITHHELD));
    REQUIRE(final->class_index == sample.result.class_index && final->probability == sample.result.score);
}

#define CASE(lower, upper, use)                                                                                        \
    case MESSAGE_##upper: {                                                                                            \
        struct message_##lower message;                                                                                \
        memset(&message, 0, sizeof message); /* padding is compared too */                                             \
        REQUIRE(message_##lower##_decode(&message, frame->payload, frame->length) == MESSAGE_OK);                      \
        use;                                                                                                           \
        return;                                                                                                        \
    }

static void said(const struct frame *frame)
{
    switch (frame->type) {
        CASE(settings, SETTINGS, said_settings(&message))
        CASE(result, RESULT, said_result(&message))
        CASE(uplink, UPLINK, said_uplink(&message))
        CASE(final, FINAL, said_final(&message))
        CASE(output, OUTPUT,
             REQUIRE(sample.decided ? sample.may_leave || sent_up() : in_force.consent == MESSAGE_CONSENT_ALWAYS))
        CASE(hello, HELLO, (void)message)
        CASE(loaded, LOADED, (void)message)
        CASE(pong, PONG, (void)message)
        CASE(statistics, STATISTICS, (void)message)
        CASE(refused, REFUSED, (void)message)
        CASE(step, STEP, said_step(&message))
    default:
        REQUIRE(false); /* a type that no board sends */
    }
}

/* --- the board's own source --- */

void source_start(uint32_t clock_hz)
{
    REQUIRE(clock_hz == CLOCK_HZ);
}

enum source_status source_take(uint8_t *codes, size_t length, size_t step)
{
    REQUIRE(!sample.decided || sample.ended);
    REQUIRE(length == (MODEL_STEPS > 0 ? MODEL_FRAME_BYTES : MODEL_INPUT_0_BYTES));
    REQUIRE(step == 0 || step == captured_steps);
    memset(codes, 0xEE, length);
    if (takes++ % 8 == 7) {
        return SOURCE_NOTHING;
    }
    captured += step == 0;
    captured_steps = step + 1;
    for (size_t i = 0; i < length; i++) {
        codes[i] = captured_byte(captured, step, i);
    }
    return SOURCE_OK;
}

/* --- the hardware --- */

bool uart_read(uint8_t *byte)
{
    if (wire_at == wire_length && !next()) {
        return false;
    }
    *byte = wire[wire_at++];
    return true;
}

bool uart_idle(void)
{
    return wire_at == wire_length && input_left < 2 && said_first == 2;
}

enum uart_status uart_write(const uint8_t *bytes, size_t length)
{
    struct frame frame;
    bool complete = false;
    for (size_t i = 0; i < length; i++) {
        REQUIRE(!complete);
        complete = frame_receiver_push(&host, bytes[i], &frame);
    }
    REQUIRE(complete && host.counters.lost == 0 && ++answers <= ANSWERS_MAX);
    said(&frame);
    return UART_OK;
}

uint32_t uart_overruns(void)
{
    return 0;
}

void uart_start(bool fallback)
{
    (void)fallback;
}

/* All is read: once every deadline has passed, nothing may be waiting any more. */
void wait_for_interrupt(void)
{
    REQUIRE(input_left < 2);
    if (aged) {
        longjmp(over, 1);
    }
    aged = true;
    clock_now += AGE;
}

struct clock clock_start(void)
{
    return (struct clock){.hz = CLOCK_HZ, .fallback = true};
}

void ticks_start(void)
{
}

uint64_t ticks_now(void)
{
    return clock_now += CLOCK_STEP;
}

void cycles_start(void)
{
}

enum cycles_source cycles_source(void)
{
    return CYCLES_SYSTICK;
}

uint32_t cycles_now(void)
{
    return (uint32_t)ticks_now();
}

uint32_t cycles_since(uint32_t start)
{
    return cycles_now() - start;
}

bool fault_last(struct fault *fault)
{
    (void)fault;
    return false;
}

void fault_forget(void)
{
}

void fault_stop(void)
{
    abort();
}

#if MODEL_STEPS == 0 /* the recurrent one has a file of its own: this one's has instructions of the target in it */

static uint8_t codes[MODEL_INPUT_0_BYTES], logits[MODEL_OUTPUT_0_BYTES], reversed[MODEL_OUTPUT_1_BYTES];

void *model_input(size_t index)
{
    (void)index;
    return codes;
}

const void *model_output(size_t index)
{
    return index == 0 ? logits : reversed;
}

void model_invoke(void)
{
    memcpy(logits, codes, sizeof logits);
    for (size_t i = 0; i < sizeof reversed; i++) {
        reversed[i] = codes[sizeof codes - 1 - i];
    }
}

#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_left = size;
    clock_now = 0;
    aged = false;
    said_first = 0;
    wire_at = wire_length = 0;
    in_session = false;
    memset(&sample, 0, sizeof sample);
    memset(loaded, 0, sizeof loaded);
    frame_receiver_init(&host, MESSAGE_HELLO);
    if (setjmp(over) == 0) {
        firmware_main();
    }
    REQUIRE(!sample.decided || sample.ended);
    return 0;
}
