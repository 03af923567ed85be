#include "settings.h"

#include "link.h"
#include "model_gate.h"

struct settings settings;

void settings_start(void)
{
    settings = (struct settings){.threshold = model_gate.threshold, .deadline_ms = MESSAGE_DEFAULT_DEADLINE_MS};
}

static void send_settings(void)
{
    struct message_settings message = {.threshold = settings.threshold, .deadline_ms = settings.deadline_ms};
    size_t length;
    if (message_settings_encode(&message, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_SETTINGS, length);
    }
}

enum message_status settings_set_threshold(const struct frame *frame)
{
    struct message_set_threshold set;
    enum message_status status = message_set_threshold_decode(&set, frame->payload, frame->length);
    if (status == MESSAGE_OK) {
        settings.threshold = set.threshold;
        send_settings();
    }
    return status;
}

enum message_status settings_set_deadline(const struct frame *frame)
{
    struct message_set_deadline set;
    enum message_status status = message_set_deadline_decode(&set, frame->payload, frame->length);
    if (status == MESSAGE_OK) {
        settings.deadline_ms = set.milliseconds;
        send_settings();
    }
    return status;
}
