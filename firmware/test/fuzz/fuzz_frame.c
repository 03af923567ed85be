/* libFuzzer's target for lib/frame: any bytes pushed into a receiver, decoded as COBS, framed and taken apart again.
 *
 *     clang -fsanitize=fuzzer,address,undefined fuzz_frame.c ../../lib/frame/(all).c     what libFuzzer calls
 *     clang -DPRINT -fsanitize=address,undefined ...                                     a program: fuzz_frame FILE...
 *
 * With PRINT it shows what the receiver finds in each file, a line for a frame (type, sequence, payload) and one for
 * the counters, for comparison with host/frame.py. Built and run by tests/host/test_fuzz.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cobs.h"
#include "crc32.h"
#include "frame.h"
#include "require.h"

enum { RESTART_TYPE = 0x7E };

#ifdef PRINT

static void print(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    struct frame_receiver receiver;
    struct frame frame;
    frame_receiver_init(&receiver, RESTART_TYPE);
    for (int byte; (byte = fgetc(file)) != EOF;) {
        if (frame_receiver_push(&receiver, (uint8_t)byte, &frame)) {
            printf("%u %u ", frame.type, frame.sequence);
            for (size_t i = 0; i < frame.length; i++) {
                printf("%02x", frame.payload[i]);
            }
            putchar('\n');
        }
    }
    fclose(file);
    uint32_t counters[sizeof receiver.counters / sizeof(uint32_t)];
    memcpy(counters, &receiver.counters, sizeof counters);
    printf("counters");
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        printf(" %u", counters[i]);
    }
    putchar('\n');
}

int main(int arguments, char **paths)
{
    for (int i = 1; i < arguments; i++) {
        print(paths[i]);
    }
    return 0;
}

#else

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block that ends where its memory ends, so that the address sanitizer sees the first byte beyond it. */
static uint8_t *block(const uint8_t *bytes, size_t length)
{
    uint8_t *memory = malloc(length > 0 ? length : 1);
    REQUIRE(memory != NULL);
    if (length > 0 && bytes != NULL) {
        memcpy(memory, bytes, length);
    }
    return memory;
}

static void frame_again(const struct frame *frame)
{
    uint8_t wire[FRAME_WIRE_MAX];
    size_t length;
    REQUIRE(frame->length <= FRAME_PAYLOAD_MAX);
    REQUIRE(frame_encode(wire, sizeof wire, &length, frame->type, frame->sequence, frame->payload, frame->length) ==
            FRAME_OK);
    REQUIRE(length == FRAME_WIRE_BYTES(frame->length));
    struct frame_receiver receiver;
    struct frame again;
    frame_receiver_init(&receiver, RESTART_TYPE);
    for (size_t i = 0; i < length; i++) {
        REQUIRE(frame_receiver_push(&receiver, wire[i], &again) == (i == length - 1));
    }
    REQUIRE(again.type == frame->type && again.sequence == frame->sequence && again.length == frame->length);
    REQUIRE(memcmp(again.payload, frame->payload, frame->length) == 0);
}

/* Each chunk that a zero has closed is counted once, unless it is empty. */
static void receive(const uint8_t *data, size_t size)
{
    struct frame_receiver *receiver = malloc(sizeof *receiver);
    REQUIRE(receiver != NULL);
    frame_receiver_init(receiver, RESTART_TYPE);
    uint32_t chunks = 0;
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        struct frame frame;
        length = data[i] != 0 ? length + 1 : length;
        if (frame_receiver_push(receiver, data[i], &frame)) {
            frame_again(&frame);
        }
        if (data[i] == 0) {
            chunks += length > 0;
            length = 0;
        }
    }
    const struct frame_counters *counters = &receiver->counters;
    REQUIRE(counters->received + counters->crc_errors + counters->cobs_errors + counters->oversize == chunks);
    free(receiver);
}

/* What decodes is never longer, decodes alike in place, and comes back from its own encoding. */
static void decode(const uint8_t *data, size_t size)
{
    uint8_t *encoded = block(data, size);
    uint8_t *decoded = block(NULL, size);
    size_t length = 0;
    size_t in_place = 0;
    if (cobs_decode(decoded, &length, encoded, size)) {
        REQUIRE(length <= size);
        REQUIRE(cobs_decode(encoded, &in_place, encoded, size));
        REQUIRE(in_place == length && memcmp(encoded, decoded, length) == 0);
        uint8_t *again = block(NULL, COBS_ENCODED_MAX(length));
        size_t used = cobs_encode(again, decoded, length);
        REQUIRE(used <= COBS_ENCODED_MAX(length) && memchr(again, 0, used) == NULL);
        REQUIRE(cobs_decode(again, &in_place, again, used));
        REQUIRE(in_place == length && memcmp(again, decoded, length) == 0);
        free(again);
    }
    free(decoded);
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    receive(data, size);
    decode(data, size);
    /* Type, sequence and payload of a frame that must come through as it is. */
    if (size >= 3 && size - 3 <= FRAME_PAYLOAD_MAX) {
        struct frame frame = {data[0], (uint16_t)(data[1] | ((uint32_t)data[2] << 8)), data + 3, size - 3};
        frame_again(&frame);
    }
    return 0;
}

/* Nothing that changes a frame by chance hits its new CRC: every other time, give each chunk the CRC that it needs. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, capacity);
    size_t start = 0;
    for (size_t i = 0; seed % 2 == 0 && i < size; i++) {
        uint8_t raw[FRAME_WIRE_MAX];
        size_t length = 0;
        if (data[i] != 0) {
            continue;
        }
        if (i - start < sizeof raw && cobs_decode(raw, &length, data + start, i - start) && length >= FRAME_OVERHEAD) {
            uint32_t crc = crc32(0, raw, length - 4);
            for (size_t byte = 0; byte < 4; byte++) {
                raw[length - 4 + byte] = (uint8_t)(crc >> (8 * byte));
            }
            REQUIRE(cobs_encode(data + start, raw, length) == i - start); /* below 255 bytes: always one byte more */
        }
        start = i + 1;
    }
    return size;
}

#endif
