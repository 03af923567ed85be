#include "timestamp.h"

#include "reply.h"
#include "ticks.h"

#define MICROSECONDS 1000000u

static uint32_t ticks_a_second;

void timestamp_start(uint32_t clock_hz)
{
    ticks_a_second = clock_hz;
}

void timestamp(void)
{
    uint64_t ticks = ticks_now();
    /* in two parts, since ticks * 1,000,000 leaves 64 bits after a day */
    uint64_t seconds = ticks / ticks_a_second, rest = ticks % ticks_a_second;
    reply("m-lap-us-");
    reply_number(seconds * MICROSECONDS + rest * MICROSECONDS / ticks_a_second);
    reply_end();
}
