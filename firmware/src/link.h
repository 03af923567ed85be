/* The link: frames in and out of the UART. One frame is written at a time, in place.
 *
 *     size_t length;
 *     if (message_infer_encode(&message, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
 *         link_send(MESSAGE_INFER, length);
 *     } */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

void link_start(void);

/* The next received frame; false if the bytes so far do not complete one. `frame` holds until the next call. */
bool link_receive(struct frame *frame);

/* Where the payload of the next frame is to be written: FRAME_PAYLOAD_MAX bytes. */
uint8_t *link_payload(void);

/* Sends what lies at link_payload(). A frame that the UART does not take is not counted as sent, but it has used its
 * sequence number, so that the host counts it as lost. */
void link_send(uint8_t type, size_t length);

/* The next frame sent is number 0. */
void link_restart(void);

const struct frame_counters *link_received(void);
uint32_t link_sent(void);

#endif
