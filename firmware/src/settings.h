/* The settings family (host/messages/settings.py): threshold and deadline, which the host can change. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdint.h>

#include "messages.h"

struct settings {
    uint16_t threshold;   /* score code, Q15 */
    uint32_t deadline_ms; /* of an abstained sample, for an ANSWER */
};

extern struct settings settings;

void settings_start(void);

enum message_status settings_set_threshold(const struct frame *frame);
enum message_status settings_set_deadline(const struct frame *frame);

#endif
