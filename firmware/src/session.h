/* The session family (host/messages/session.py): HELLO, PONG and LOG. */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "engine.h"
#include "fault.h"
#include "messages.h"

void session_start(uint32_t clock_hz);

enum message_status session_hello_request(const struct frame *frame);
enum message_status session_ping(const struct frame *frame);

/* The only frame that the board sends unasked: it was restarted by a fault. */
void session_log_fault(const struct fault *fault);

/* The answer to every frame when the engine could not be set up: why. Not for ENGINE_OK. */
void session_log_engine(enum engine_status status);

#endif
