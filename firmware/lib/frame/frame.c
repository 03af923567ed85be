#include "frame.h"

#include <string.h>

#include "crc32.h"

enum { TYPE_AT = 0, SEQUENCE_AT = 1, PAYLOAD_AT = 3, CRC_BYTES = 4 };

_Static_assert(FRAME_OVERHEAD == (unsigned)PAYLOAD_AT + (unsigned)CRC_BYTES, "header and CRC");
_Static_assert(FRAME_PAYLOAD_OFFSET == (unsigned)PAYLOAD_AT + 1u, "the COBS code byte comes first");
_Static_assert(FRAME_PAYLOAD_MAX + FRAME_OVERHEAD <= 254u, "beyond 254 bytes COBS adds more than one");

enum frame_status frame_encode(uint8_t *wire, size_t capacity, size_t *wire_length, uint8_t type, uint16_t sequence,
                               const uint8_t *payload, size_t length)
{
    if (length > FRAME_PAYLOAD_MAX) {
        return FRAME_PAYLOAD_TOO_LONG;
    }
    if (capacity < FRAME_WIRE_BYTES(length)) {
        return FRAME_NO_ROOM;
    }
    uint8_t *raw = wire + 1; /* where cobs_encode can encode in place */
    if (length > 0) {        /* memmove from a null pointer is undefined even for no bytes */
        memmove(raw + PAYLOAD_AT, payload, length);
    }
    raw[TYPE_AT] = type;
    raw[SEQUENCE_AT] = (uint8_t)sequence;
    raw[SEQUENCE_AT + 1] = (uint8_t)(sequence >> 8);
    uint32_t crc = crc32(0, raw, PAYLOAD_AT + length);
    for (size_t i = 0; i < CRC_BYTES; i++) {
        raw[PAYLOAD_AT + length + i] = (uint8_t)(crc >> (8 * i));
    }
    size_t encoded = cobs_encode(wire, raw, FRAME_OVERHEAD + length);
    wire[encoded] = 0;
    *wire_length = encoded + 1;
    return FRAME_OK;
}

void frame_receiver_init(struct frame_receiver *receiver, uint8_t restart_type)
{
    memset(receiver, 0, sizeof *receiver);
    receiver->restart_type = restart_type;
}

static void count(struct frame_receiver *receiver, const struct frame *frame)
{
    uint16_t gap = (uint16_t)(frame->sequence - receiver->expected);
    receiver->counters.received++;
    if (frame->type == receiver->restart_type) {
        gap = 0;
    }
    /* Half the range or more is a step back: no line loses 32768 frames in a row. */
    if (gap >= 0x8000u) {
        receiver->counters.stale++;
        return;
    }
    receiver->counters.lost += gap;
    receiver->expected = (uint16_t)(frame->sequence + 1u);
}

/* Judge the chunk of `length` bytes that a delimiter has just closed. */
static bool finish(struct frame_receiver *receiver, size_t length, struct frame *frame)
{
    uint8_t *raw = receiver->chunk;
    size_t raw_length = 0;
    if (!cobs_decode(raw, &raw_length, receiver->chunk, length)) {
        receiver->counters.cobs_errors++;
        return false;
    }
    if (raw_length < FRAME_OVERHEAD) {
        receiver->counters.crc_errors++;
        return false;
    }
    const uint8_t *crc = raw + raw_length - CRC_BYTES;
    uint32_t expected = crc[0] | ((uint32_t)crc[1] << 8) | ((uint32_t)crc[2] << 16) | ((uint32_t)crc[3] << 24);
    if (crc32(0, raw, raw_length - CRC_BYTES) != expected) {
        receiver->counters.crc_errors++;
        return false;
    }
    frame->type = raw[TYPE_AT];
    frame->sequence = (uint16_t)(raw[SEQUENCE_AT] | ((uint32_t)raw[SEQUENCE_AT + 1] << 8));
    frame->payload = raw + PAYLOAD_AT;
    frame->length = raw_length - FRAME_OVERHEAD;
    count(receiver, frame);
    return true;
}

bool frame_receiver_push(struct frame_receiver *receiver, uint8_t byte, struct frame *frame)
{
    if (byte != 0) {
        if (receiver->length < sizeof receiver->chunk) {
            receiver->chunk[receiver->length++] = byte;
        } else {
            receiver->oversize = true;
        }
        return false;
    }
    size_t length = receiver->length;
    bool oversize = receiver->oversize;
    receiver->length = 0;
    receiver->oversize = false;
    if (oversize) {
        receiver->counters.oversize++;
        return false;
    }
    return length > 0 && finish(receiver, length, frame);
}
