/* The application: one loop that receives frames, serves them, and sleeps.
 *
 * A message family is one file, session.c, sample.c, stream.c, settings.c, statistics.c, output.c, as in host/messages; a
 * message that the board serves is one line in `handlers`. The board speaks when it is spoken to, except after a fault. */
#include "clock.h"
#include "cortex_m.h"
#include "cycles.h"
#include "engine.h"
#include "fault.h"
#include "link.h"
#include "messages.h"
#include "model_stream.h"
#include "output.h"
#include "sample.h"
#include "session.h"
#include "settings.h"
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
#if MODEL_STEPS > 0
    {MESSAGE_PUSH, stream_push},
    {MESSAGE_FINISH, stream_finish},
    {MESSAGE_LOAD, sample_wrong_kind},
    {MESSAGE_INFER, sample_wrong_kind},
#else
    {MESSAGE_LOAD, sample_load},
    {MESSAGE_INFER, sample_infer},
    {MESSAGE_PUSH, sample_wrong_kind},
    {MESSAGE_FINISH, sample_wrong_kind},
#endif
    {MESSAGE_ANSWER, sample_answer},
    {MESSAGE_SET_THRESHOLD, settings_set_threshold},
    {MESSAGE_SET_DEADLINE, settings_set_deadline},
    {MESSAGE_STATISTICS_REQUEST, statistics_request},
    {MESSAGE_READ_OUTPUT, output_read},
};

static void serve(const struct frame *frame)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].type == frame->type) {
            statistics.unknown_type += handlers[i].handle(frame) != MESSAGE_OK;
            return;
        }
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
    settings_start();
    session_start(clock.hz);
    sample_start(clock.hz);
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
