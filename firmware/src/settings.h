/* The settings family (host/messages/settings.py): the session, and what the host can set in it. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "messages.h"

struct settings {
    uint32_t session;     /* the host's number for it */
    uint16_t threshold;   /* score code, Q15 */
    uint32_t deadline_ms; /* of an abstained sample, for an ANSWER */
    uint8_t consent;      /* enum message_consent */
    uint32_t consent_ms;  /* of a held sample, for a RELEASE */
};

extern struct settings settings;

/* Whether there was a CONFIGURE since the reset. */
bool settings_session_open(void);

enum message_status settings_configure(const struct frame *frame);

#endif
