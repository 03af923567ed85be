#include "statistics.h"

#include "link.h"
#include "uart.h"

struct statistics statistics;

enum message_status statistics_request(const struct frame *frame)
{
    if (frame->length > 0) {
        return MESSAGE_TOO_LONG;
    }
    const struct frame_counters *received = link_received();
    struct message_statistics message = {
        .samples = statistics.samples,
        .accepted = statistics.accepted,
        .abstained = statistics.abstained,
        .answered = statistics.answered,
        .fallbacks = statistics.fallbacks,
        .withheld = statistics.withheld,
        .refused = statistics.refused,
        .frames_received = received->received,
        .frames_sent = link_sent(),
        .frames_lost = received->lost,
        .crc_errors = received->crc_errors,
        .cobs_errors = received->cobs_errors,
        .oversize = received->oversize,
        .unknown_type = statistics.unknown_type,
        .receive_overruns = uart_overruns(),
    };
    size_t length;
    if (message_statistics_encode(&message, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_STATISTICS, length);
    }
    return MESSAGE_OK;
}
