/* The output family (host/messages/output.py): the bytes of the last inference's outputs. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "messages.h"

enum message_status output_read(const struct frame *frame);

#endif
