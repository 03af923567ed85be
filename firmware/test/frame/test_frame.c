/* Tests of lib/frame and of the generated messages.h, for the PC, under the address and undefined-behaviour sanitizers.
 *
 * Built and run by tests/host/test_frame_c.py, which renders vectors.h from tests/vectors/frames.json: the golden
 * frames as `vectors[]`, and `check_messages()`, which decodes and encodes every golden message. Prints what failed;
 * exit status 1 if anything did. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cobs.h"
#include "crc32.h"
#include "frame.h"
#include "messages.h"

struct vector {
    const char *name;
    uint8_t type;
    uint16_t sequence;
    const uint8_t *payload;
    size_t length;
    const uint8_t *wire;
    size_t wire_length;
};

static unsigned checks;
static unsigned failures;

#define CHECK(condition, name)                                                                                         \
    do {                                                                                                               \
        checks++;                                                                                                      \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, (name), #condition);                                         \
        }                                                                                                              \
    } while (0)

/* A copy that ends where its block of memory ends, so that the address sanitizer sees the first byte read beyond it. */
static uint8_t *copy(const uint8_t *bytes, size_t length)
{
    uint8_t *block = malloc(length > 0 ? length : 1);
    if (block == NULL) {
        abort();
    }
    if (length > 0) {
        memcpy(block, bytes, length);
    }
    return block;
}

#include "vectors.h"

enum { VECTORS = sizeof vectors / sizeof vectors[0], RESTART_TYPE = 0x7E };

static size_t push(struct frame_receiver *receiver, const uint8_t *bytes, size_t length, struct frame *last)
{
    size_t frames = 0;
    for (size_t i = 0; i < length; i++) {
        frames += frame_receiver_push(receiver, bytes[i], last) ? 1u : 0u;
    }
    return frames;
}

static bool same(const struct frame *frame, const struct vector *vector)
{
    return frame->type == vector->type && frame->sequence == vector->sequence && frame->length == vector->length &&
           memcmp(frame->payload, vector->payload, vector->length) == 0;
}

static uint32_t errors(const struct frame_receiver *receiver)
{
    return receiver->counters.crc_errors + receiver->counters.cobs_errors + receiver->counters.oversize;
}

static void test_vectors_both_ways(void)
{
    struct frame_receiver receiver;
    frame_receiver_init(&receiver, RESTART_TYPE);
    for (size_t i = 0; i < VECTORS; i++) {
        const struct vector *vector = &vectors[i];
        uint8_t wire[FRAME_WIRE_MAX];
        size_t length = 0;
        CHECK(frame_encode(wire, sizeof wire, &length, vector->type, vector->sequence, vector->payload,
                           vector->length) == FRAME_OK,
              vector->name);
        CHECK(length == vector->wire_length && memcmp(wire, vector->wire, length) == 0, vector->name);
        CHECK(length == FRAME_WIRE_BYTES(vector->length), vector->name);

        /* In place, in a buffer without a byte to spare. */
        uint8_t *tight = copy(vector->wire, vector->wire_length);
        if (vector->length > 0) {
            memcpy(tight + FRAME_PAYLOAD_OFFSET, vector->payload, vector->length);
        }
        CHECK(frame_encode(tight, vector->wire_length, &length, vector->type, vector->sequence,
                           tight + FRAME_PAYLOAD_OFFSET, vector->length) == FRAME_OK,
              vector->name);
        CHECK(memcmp(tight, vector->wire, vector->wire_length) == 0, vector->name);
        CHECK(frame_encode(tight, vector->wire_length - 1, &length, vector->type, vector->sequence, vector->payload,
                           vector->length) == FRAME_NO_ROOM,
              vector->name);
        free(tight);

        struct frame frame;
        CHECK(push(&receiver, vector->wire, vector->wire_length, &frame) == 1, vector->name);
        CHECK(same(&frame, vector), vector->name);
    }
    CHECK(receiver.counters.received == VECTORS, "all vectors");
    CHECK(receiver.counters.lost == 0 && errors(&receiver) == 0, "all vectors");
}

/* Feed damaged bytes, then a good frame: nothing of the damage may come out, and the good frame must. */
static void refuse(const char *name, const uint8_t *bytes, size_t length, struct frame_counters *counters)
{
    const struct vector *good = &vectors[0];
    struct frame_receiver receiver;
    struct frame frame;
    frame_receiver_init(&receiver, RESTART_TYPE);
    CHECK(push(&receiver, bytes, length, &frame) == 0, name);
    CHECK(push(&receiver, (const uint8_t[]){0}, 1, &frame) == 0, name);
    *counters = receiver.counters;
    CHECK(push(&receiver, good->wire, good->wire_length, &frame) == 1 && same(&frame, good), name);
}

static void test_damaged_frames_are_refused(void)
{
    struct frame_counters counters;
    for (size_t i = 0; i < VECTORS; i++) {
        const struct vector *vector = &vectors[i];
        for (size_t at = 0; at + 1 < vector->wire_length; at++) { /* every bit of every byte but the delimiter */
            for (unsigned bit = 0; bit < 8; bit++) {
                uint8_t *wire = copy(vector->wire, vector->wire_length);
                wire[at] = (uint8_t)(wire[at] ^ (1u << bit));
                refuse(vector->name, wire, vector->wire_length, &counters);
                CHECK(counters.crc_errors + counters.cobs_errors >= 1, vector->name);
                free(wire);
            }
        }
        for (size_t length = 1; length + 1 < vector->wire_length; length++) { /* every truncation */
            refuse(vector->name, vector->wire, length, &counters);
            CHECK(counters.crc_errors + counters.cobs_errors == 1, vector->name);
        }
    }
}

static void test_what_no_sender_writes_is_refused(void)
{
    struct frame_counters counters;
    uint8_t run[FRAME_WIRE_MAX + 1000];
    memset(run, 1, sizeof run); /* decodes to zeros, as long as wished */
    refuse("longest", run, FRAME_WIRE_MAX - 1, &counters);
    CHECK(counters.oversize == 0 && counters.crc_errors == 1, "longest");
    refuse("one too long", run, FRAME_WIRE_MAX, &counters);
    CHECK(counters.oversize == 1, "one too long");
    refuse("much too long", run, sizeof run, &counters);
    CHECK(counters.oversize == 1, "much too long");

    static const uint8_t beyond[] = {5, 1, 2, 3};
    refuse("code beyond the end", beyond, sizeof beyond, &counters);
    CHECK(counters.cobs_errors == 1, "code beyond the end");
    static const uint8_t only_crc[] = {1, 1, 1, 1}; /* 00 00 00 00, the right CRC of nothing */
    refuse("shorter than a header", only_crc, sizeof only_crc, &counters);
    CHECK(counters.crc_errors == 1, "shorter than a header");
    static const uint8_t empty[] = {0, 0, 0, 0};
    refuse("empty chunks", empty, sizeof empty, &counters);
    CHECK(counters.crc_errors + counters.cobs_errors + counters.oversize == 0, "empty chunks are no errors");

    size_t data_length = 0;
    uint8_t data[4];
    static const uint8_t zero_code[] = {0, 1};
    static const uint8_t zero_inside[] = {3, 0, 1};
    CHECK(!cobs_decode(data, &data_length, zero_code, sizeof zero_code), "zero as a code");
    CHECK(!cobs_decode(data, &data_length, zero_inside, sizeof zero_inside), "zero within a run");

    size_t length = 0;
    uint8_t wire[FRAME_WIRE_MAX + 10];
    CHECK(frame_encode(wire, sizeof wire, &length, 1, 0, run, FRAME_PAYLOAD_MAX + 1) == FRAME_PAYLOAD_TOO_LONG, "241");
}

static void send_number(struct frame_receiver *receiver, uint8_t type, uint16_t sequence)
{
    uint8_t wire[FRAME_WIRE_MAX];
    size_t length = 0;
    struct frame frame;
    CHECK(frame_encode(wire, sizeof wire, &length, type, sequence, NULL, 0) == FRAME_OK, "no payload");
    CHECK(push(receiver, wire, length, &frame) == 1, "no payload");
}

static void test_gaps_in_the_numbering_are_lost_frames(void)
{
    struct frame_receiver receiver;
    frame_receiver_init(&receiver, RESTART_TYPE);
    send_number(&receiver, 1, 0);
    send_number(&receiver, 1, 1);
    CHECK(receiver.counters.lost == 0, "no gap");
    send_number(&receiver, 1, 4);
    CHECK(receiver.counters.lost == 2, "2 and 3 are missing");
    send_number(&receiver, RESTART_TYPE, 65535);
    CHECK(receiver.counters.lost == 2 && receiver.counters.stale == 0, "a hello");
    send_number(&receiver, 1, 1);
    CHECK(receiver.counters.lost == 3, "0 is missing after the wrap");
    send_number(&receiver, 1, 0);
    CHECK(receiver.counters.lost == 3 && receiver.counters.stale == 1, "a step back");
    CHECK(receiver.counters.received == 6, "all are received");
}

static void test_crc(void)
{
    const char *text = "123456789";
    CHECK(crc32(0, (const uint8_t *)text, 9) == 0xCBF43926u, "check value");
    CHECK(crc32(crc32(0, (const uint8_t *)text, 4), (const uint8_t *)text + 4, 5) == 0xCBF43926u, "in two parts");
    CHECK(crc32(0, NULL, 0) == 0, "nothing");
}

int main(void)
{
    test_crc();
    test_vectors_both_ways();
    check_messages();
    test_damaged_frames_are_refused();
    test_what_no_sender_writes_is_refused();
    test_gaps_in_the_numbering_are_lost_frames();
    printf("%u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
