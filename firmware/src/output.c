#include "output.h"

#include "engine.h"
#include "link.h"
#include "sample.h"

enum message_status output_read(const struct frame *frame)
{
    struct message_read_output read;
    enum message_status status = message_read_output_decode(&read, frame->payload, frame->length);
    if (status != MESSAGE_OK) {
        return status;
    }
    if (!sample_inferred()) {
        sample_refuse(MESSAGE_READ_OUTPUT, 0, MESSAGE_REASON_UNKNOWN_SAMPLE);
        return MESSAGE_OK;
    }
    if (!sample_may_leave()) {
        sample_refuse(MESSAGE_READ_OUTPUT, 0, MESSAGE_REASON_NO_CONSENT);
        return MESSAGE_OK;
    }
    if (read.index >= engine_outputs() || read.offset > engine_output_bytes(read.index)) {
        sample_refuse(MESSAGE_READ_OUTPUT, 0, MESSAGE_REASON_OUT_OF_RANGE);
        return MESSAGE_OK;
    }
    size_t left = engine_output_bytes(read.index) - read.offset;
    struct message_output output = {
        .index = read.index,
        .offset = read.offset,
        .data = engine_output(read.index) + read.offset,
        .data_length = left < MESSAGE_OUTPUT_DATA_MAX ? left : MESSAGE_OUTPUT_DATA_MAX,
    };
    size_t length;
    if (message_output_encode(&output, link_payload(), FRAME_PAYLOAD_MAX, &length) == MESSAGE_OK) {
        link_send(MESSAGE_OUTPUT, length);
    }
    return MESSAGE_OK;
}
