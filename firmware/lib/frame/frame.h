/* Frames on the wire: COBS, a zero as delimiter, CRC-32, a sequence number, a type. Twin of host/frame.py.
 *
 * A frame before COBS, 7 to 247 bytes, integers little endian:
 *
 *     0       type       u8
 *     1       sequence   u16   one more than the sender's previous frame, modulo 65536
 *     3       payload    0 to 240 bytes
 *     3 + n   crc        u32   over type, sequence and payload
 *
 * To send: frame_encode into a buffer of FRAME_WIRE_MAX bytes. To receive: frame_receiver_push each byte. Any chunk
 * between two zeros that is not such a frame is counted and dropped; empty chunks are nothing. No heap, no waiting. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cobs.h"

/* With the 7 bytes around it a payload of 240 stays within the 254 bytes to which COBS adds exactly one. */
#define FRAME_PAYLOAD_MAX 240u
#define FRAME_OVERHEAD 7u

/* Bytes on the wire of a payload of `length` bytes, delimiter included: exact, not a bound. */
#define FRAME_WIRE_BYTES(length) ((length) + FRAME_OVERHEAD + 2u)
#define FRAME_WIRE_MAX FRAME_WIRE_BYTES(FRAME_PAYLOAD_MAX)

/* Where a payload lies in the wire buffer before COBS; written there, it is encoded without a second buffer. */
#define FRAME_PAYLOAD_OFFSET 4u

#define FRAME_CHECKED __attribute__((warn_unused_result))

enum frame_status {
    FRAME_OK,
    FRAME_PAYLOAD_TOO_LONG, /* more than FRAME_PAYLOAD_MAX */
    FRAME_NO_ROOM,          /* the buffer is shorter than FRAME_WIRE_BYTES(length) */
};

/* Encode one frame into `wire`; `wire_length` becomes FRAME_WIRE_BYTES(length). `payload` may be
 * wire + FRAME_PAYLOAD_OFFSET, and may be null if `length` is 0. */
FRAME_CHECKED enum frame_status frame_encode(uint8_t *wire, size_t capacity, size_t *wire_length, uint8_t type,
                                             uint16_t sequence, const uint8_t *payload, size_t length);

/* A received frame. `payload` leads into the receiver and holds until the next byte is pushed. */
struct frame {
    uint8_t type;
    uint16_t sequence;
    const uint8_t *payload;
    size_t length;
};

struct frame_counters {
    uint32_t received;
    uint32_t lost;       /* gaps in the sender's numbering */
    uint32_t stale;      /* numbers that were there before: repeated, late, or of a sender that was reset without a hello */
    uint32_t crc_errors; /* including chunks too short to hold a CRC */
    uint32_t cobs_errors;
    uint32_t oversize;
};

struct frame_receiver {
    struct frame_counters counters;
    size_t length; /* bytes of `chunk` since the last delimiter */
    uint16_t expected;
    uint8_t restart_type;
    bool oversize;
    uint8_t chunk[FRAME_WIRE_MAX - 1u];
};

/* A frame of `restart_type` (HELLO_REQUEST on a board) begins the sender's numbering anew, without a gap. */
void frame_receiver_init(struct frame_receiver *receiver, uint8_t restart_type);

/* True if this byte completes a frame, which is then in `frame`. */
FRAME_CHECKED bool frame_receiver_push(struct frame_receiver *receiver, uint8_t byte, struct frame *frame);

#endif
