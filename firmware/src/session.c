#include "session.h"

#include "board.h"
#include "cycles.h"
#include "link.h"
#include "model_gate.h"
#include "model_stream.h"
#include "options.h"
#include "ring.h"
#include "ticks.h"
#include "version.h"

_Static_assert((int)CYCLES_DWT == (int)MESSAGE_CYCLE_SOURCE_DWT, "cycles.h and the message table");
_Static_assert((int)CYCLES_SYSTICK == (int)MESSAGE_CYCLE_SOURCE_SYSTICK, "cycles.h and the message table");
_Static_assert((int)CYCLES_TIMER == (int)MESSAGE_CYCLE_SOURCE_TIMER, "cycles.h and the message table");

_Static_assert((int)ENGINE_AOT == (int)MESSAGE_ENGINE_AOT, "engine.h and the message table");
_Static_assert((int)ENGINE_TFLM == (int)MESSAGE_ENGINE_TFLM, "engine.h and the message table");

static const char board_name[] = BOARD_NAME;
static const char firmware_name[] = FIRMWARE_NAME;
static const char source_name[] = OPTION_SOURCE_NAME;

static uint32_t clock_hz;

void session_start(uint32_t hz)
{
    clock_hz = hz;
}

enum message_status session_hello_request(const struct frame *frame)
{
    if (frame->length > 0) {
        return MESSAGE_TOO_LONG;
    }
    fault_forget(); /* somebody was there to hear of it */
    link_restart();
    struct message_hello hello = {
        .protocol = MESSAGE_PROTOCOL,
        .model_hash = MODEL_HASH,
        .clock_hz = clock_hz,
        .cycle_source = (uint8_t)cycles_source(),
        .engine = (uint8_t)engine_kind(),
        .input_bytes = (uint32_t)engine_input_bytes(0),
        .output_bytes = (uint32_t)engine_output_bytes(MODEL_GATE_OUTPUT),
        .classes = MODEL_CLASSES,
        .threshold = model_gate.threshold,
        .deadline_ms = MESSAGE_DEFAULT_DEADLINE_MS,
        .ram_bytes = (uint32_t)engine_ram_bytes(),
        .steps = MODEL_STEPS,
        .consent = OPTION_CONSENT,
        .consent_ms = MESSAGE_DEFAULT_CONSENT_MS,
        .receive_bytes = RING_BYTES,
        .source_count = OPTION_SOURCE_COUNT,
        .board = board_name,
        .board_length = sizeof board_name - 1,
        .firmware = firmware_name,
        .firmware_length = sizeof firmware_name - 1,
        .source = source_name,
        .source_length = sizeof source_name - 1,
    };
    size_t length;
    if (message_hello_encode(&hello, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_HELLO, length);
    }
    return MESSAGE_OK;
}

enum message_status session_ping(const struct frame *frame)
{
    struct message_ping ping;
    enum message_status status = message_ping_decode(&ping, frame->payload, frame->length);
    struct message_pong pong = {.token = ping.token, .ticks = ticks_now()};
    size_t length;
    if (status == MESSAGE_OK &&
        message_pong_encode(&pong, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_PONG, length);
    }
    return status;
}

static void send_error(const char *text, size_t text_length)
{
    struct message_log log = {.level = MESSAGE_LEVEL_ERROR, .text = text, .text_length = text_length};
    size_t length;
    if (message_log_encode(&log, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_LOG, length);
    }
}

/* Eight hexadecimal digits in place of the eight characters at `at`. */
static void put_hex(char *at, uint32_t value)
{
    for (int i = 7; i >= 0; i--) {
        at[i] = "0123456789abcdef"[value & 0xF];
        value >>= 4;
    }
}

void session_log_fault(const struct fault *fault)
{
    char text[] = "restarted by a fault: exception 0x........, pc 0x........, CFSR 0x........";
    put_hex(text + sizeof "restarted by a fault: exception 0x" - 1, fault->exception);
    put_hex(text + sizeof "restarted by a fault: exception 0x........, pc 0x" - 1, fault->program_counter);
    put_hex(text + sizeof "restarted by a fault: exception 0x........, pc 0x........, CFSR 0x" - 1, fault->status);
    send_error(text, sizeof text - 1);
}

void session_log_engine(enum engine_status status)
{
    static const char no_memory[] = "the engine's arena is too small for the model, or a kernel refuses it";
    static const char bad_model[] = "the engine does not take the model";
    if (status == ENGINE_NO_MEMORY) {
        send_error(no_memory, sizeof no_memory - 1);
    } else {
        send_error(bad_model, sizeof bad_model - 1);
    }
}
