/* The statistics family (host/messages/statistics.py): counters since the reset. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stdint.h>

#include "messages.h"

/* Those that the application counts itself; the link and the UART have theirs. */
struct statistics {
    uint32_t samples;
    uint32_t accepted;
    uint32_t abstained;
    uint32_t answered;
    uint32_t fallbacks;
    uint32_t withheld;
    uint32_t refused;
    uint32_t unknown_type; /* of a type that is not served, or with a payload that is not that message */
};

extern struct statistics statistics;

enum message_status statistics_request(const struct frame *frame);

#endif
