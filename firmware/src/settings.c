#include "settings.h"

#include "link.h"
#include "options.h"
#include "sample.h"

struct settings settings;

static bool session_open;

bool settings_session_open(void)
{
    return session_open;
}

static void send_settings(void)
{
    struct message_settings message = {
        .session = settings.session,
        .threshold = settings.threshold,
        .deadline_ms = settings.deadline_ms,
        .consent = settings.consent,
        .consent_ms = settings.consent_ms,
    };
    size_t length;
    if (message_settings_encode(&message, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_SETTINGS, length);
    }
}

enum message_status settings_configure(const struct frame *frame)
{
    struct message_configure wanted;
    enum message_status status = message_configure_decode(&wanted, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    uint8_t least = OPTION_CONSENT;
    if (!session_open || wanted.session != settings.session) {
        sample_forget();
    } else if (settings.consent > least) {
        least = settings.consent; /* a sample that came in under stricter consent is not let go by less */
    }
    session_open = true;
    settings = (struct settings){
        .session = wanted.session,
        .threshold = wanted.threshold,
        .deadline_ms = wanted.deadline_ms,
        .consent = wanted.consent > least ? wanted.consent : least,
        .consent_ms = wanted.consent_ms,
    };
    send_settings();
    return MESSAGE_OK;
}
