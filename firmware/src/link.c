#include "link.h"

#include "messages.h"
#include "uart.h"

static struct frame_receiver receiver;
static uint8_t wire[FRAME_WIRE_MAX];
static uint16_t sequence;
static uint32_t sent;

void link_start(void)
{
    frame_receiver_init(&receiver, MESSAGE_HELLO_REQUEST);
}

bool link_receive(struct frame *frame)
{
    uint8_t byte;
    while (uart_read(&byte)) {
        if (frame_receiver_push(&receiver, byte, frame)) {
            return true;
        }
    }
    return false;
}

uint8_t *link_payload(void)
{
    return wire + FRAME_PAYLOAD_OFFSET;
}

void link_send(uint8_t type, size_t length)
{
    size_t wire_length;
    enum frame_status encoded = frame_encode(wire, sizeof wire, &wire_length, type, sequence, link_payload(), length);
    sequence++;
    if (encoded == FRAME_OK && uart_write(wire, wire_length) == UART_OK) {
        sent++;
    }
}

void link_restart(void)
{
    sequence = 0;
}

const struct frame_counters *link_received(void)
{
    return &receiver.counters;
}

uint32_t link_sent(void)
{
    return sent;
}
