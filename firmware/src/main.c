/* The application: one loop that receives frames, serves them, and sleeps.
 *
 * A message family is one file, session.c, sample.c, stream.c, settings.c, statistics.c, output.c, as in host/messages;
 * a message that the board serves is one line in `handlers`. The board speaks when it is spoken to, except after a
 * fault. */
#include "clock.h"
#include "cortex_m.h"
#include "cycles.h"
#include "engine.h"
#include "fault.h"
#include "link.h"
#include "messages.h"
#include "model_stream.h"
#include "options.h"
#include "output.h"
#include "sample.h"
#include "session.h"
#include "settings.h"
#include "source.h"
#include "statistics.h"
#include "stream.h"
#include "ticks.h"
#include "uart.h"

/* Returns why the payload is not the message, or MESSAGE_OK. */
typedef enum message_status handler(const struct frame *frame);

static const struct {
    uint8_t type;
    handler *handle;
} handlers[] = {
    {MESSAGE_HELLO_REQUEST, session_hello_request},
    {MESSAGE_CONFIGURE, settings_configure},
    {MESSAGE_PING, session_ping},
#if MODEL_STEPS > 0
    {MESSAGE_PUSH, stream_push},
    {MESSAGE_FINISH, stream_finish},
    {MESSAGE_LOAD, sample_not_served},
    {MESSAGE_INFER, sample_not_served},
#else
    {MESSAGE_LOAD, sample_load},
    {MESSAGE_INFER, sample_infer},
    {MESSAGE_PUSH, sample_not_served},
    {MESSAGE_FINISH, sample_not_served},
#endif
#if !OPTION_SOURCE
    {MESSAGE_CAPTURE, sample_not_served},
#elif MODEL_STEPS > 0
    {MESSAGE_CAPTURE, stream_capture},
#else
    {MESSAGE_CAPTURE, sample_capture},
#endif
    {MESSAGE_RESEND, sample_resend},
    {MESSAGE_RELEASE, sample_release},
    {MESSAGE_ANSWER, sample_answer},
    {MESSAGE_DECLINE, sample_decline},
    {MESSAGE_STATISTICS_REQUEST, statistics_request},
    {MESSAGE_READ_OUTPUT, output_read},
};

/* What is served before a session is open: without it the host would not know that the board was reset. */
static bool needs_no_session(uint8_t type)
{
    return type == MESSAGE_HELLO_REQUEST || type == MESSAGE_CONFIGURE;
}

static void serve(const struct frame *frame)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].type != frame->type) {
            continue;
        }
        if (settings_session_open() || needs_no_session(frame->type)) {
            statistics.unknown_type += handlers[i].handle(frame) != MESSAGE_OK;
        } else {
            sample_refuse(frame->type, 0, MESSAGE_REASON_NO_SESSION);
        }
        return;
    }
    statistics.unknown_type++;
}

static void idle(void)
{
    interrupts_disable();
    if (uart_idle() && sample_may_sleep()) {
        wait_for_interrupt();
    }
    interrupts_enable();
}

int main(void)
{
    struct clock clock = clock_start();
    ticks_start();
    cycles_start();
    uart_start(clock.fallback);
    link_start();
    session_start(clock.hz);
    sample_start(clock.hz);
#if OPTION_SOURCE
    source_start(clock.hz);
#endif
    struct fault fault;
    if (fault_last(&fault)) {
        session_log_fault(&fault);
    }
    enum engine_status engine = engine_init();
    for (;;) {
        struct frame frame;
        if (!link_receive(&frame)) {
            idle();
        } else if (engine == ENGINE_OK) {
            serve(&frame);
        } else {
            session_log_engine(engine);
        }
        sample_poll();
    }
}
