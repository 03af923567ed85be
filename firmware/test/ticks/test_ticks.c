/* ticks_now() against a simulated SysTick whose true time is known: across wraps, with the wrap interrupt on time,
 * late, and held off. What it returns must lie between the true time before the call and after it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ticks.h"

enum { CVR = 0xE000E018, ICSR = 0xE000ED04 };

static uint64_t now;        /* core clock periods since the counter was started */
static bool running;        /* past ticks_start, which writes its registers */
static bool pending;        /* the wrap interrupt, since the wrap */
static bool masked;         /* interrupts held off */
static uint32_t late;       /* accesses until a pending interrupt is taken */
static uint32_t step_limit; /* periods an access takes at most */
static uint32_t value;      /* of the register that was accessed last */

static void advance(uint32_t periods)
{
    uint64_t wraps = now / TICKS_WRAP;
    now += periods;
    if (now / TICKS_WRAP != wraps) { /* the counter has reached 0 */
        pending = true;
        late = (uint32_t)rand() % 4;
    }
    if (pending && !masked && late-- == 0) {
        pending = false;
        ticks_interrupt();
    }
}

volatile uint32_t *access_register(uint32_t address)
{
    if (!running) {
        return &value;
    }
    advance(1 + (uint32_t)rand() % step_limit);
    uint32_t elapsed = (uint32_t)(now % TICKS_WRAP);
    value = address == CVR ? (TICKS_WRAP - elapsed) % TICKS_WRAP : address == ICSR ? (pending ? BIT(26) : 0) : 0;
    return &value;
}

/* Lets an interrupt that is due be taken, as a core would at once. */
static void settle(void)
{
    masked = false;
    while (pending) {
        advance(1);
    }
}

static int once(void)
{
    uint64_t before = now, ticks = ticks_now();
    if (ticks < before || ticks > now) {
        fprintf(stderr, "%llu is not within %llu .. %llu (pending %d, masked %d)\n", (unsigned long long)ticks,
                (unsigned long long)before, (unsigned long long)now, pending, masked);
        return 1;
    }
    return 0;
}

int main(void)
{
    ticks_start();
    running = true;
    for (int round = 0; round < 200000; round++) {
        step_limit = 1u + (uint32_t)rand() % 40u;
        settle();
        /* to just before a wrap, where it is delicate, or anywhere */
        uint32_t left = (uint32_t)(TICKS_WRAP - now % TICKS_WRAP);
        advance(rand() % 2 && left > 300 ? left - (uint32_t)rand() % 300u : 1u + (uint32_t)rand() % 100000u);
        settle();
        masked = rand() % 2;
        for (int i = 0; i < 10; i++) {
            if (once()) {
                return 1;
            }
        }
    }
    return 0;
}
