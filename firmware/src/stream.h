/* The stream family (host/messages/stream.py): PUSH, FINISH, STEP; and CAPTURE as it is for
 * sequences. For recurrent models only.
 *
 * The board keeps the model's state from frame to frame, and all frames of the sequence, so that one which is
 * abstained from can be sent up. How long a sequence can be, and so how much RAM that takes, is known when the
 * firmware is built. */
#ifndef STREAM_H
#define STREAM_H

#include "messages.h"

enum message_status stream_push(const struct frame *frame);
enum message_status stream_finish(const struct frame *frame);

/* In a firmware with a source of samples (source.h). */
enum message_status stream_capture(const struct frame *frame);

#endif
