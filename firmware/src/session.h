/* The session family (host/messages/session.py): HELLO and LOG. */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "fault.h"
#include "messages.h"

void session_start(uint32_t clock_hz);

enum message_status session_hello_request(const struct frame *frame);

/* The only frame that the board sends unasked: it was restarted by a fault. */
void session_log_fault(const struct fault *fault);

#endif
