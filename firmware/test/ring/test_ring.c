/* The ring against a queue that shifts: random runs of puts and gets, full and empty rings, indices that wrap. */
#include <stdio.h>
#include <string.h>

#include "ring.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static uint32_t random_state = 1;

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003. */
static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % bound;
}

static int against_a_queue(uint32_t start)
{
    static struct ring ring;
    static uint8_t queue[RING_BYTES];
    size_t queued = 0;
    uint32_t dropped = 0;
    memset(&ring, 0, sizeof ring);
    atomic_store(&ring.put, start);
    atomic_store(&ring.got, start);
    for (int round = 0; round < 20000; round++) {
        for (uint32_t n = random_below(RING_BYTES / 3); n > 0; n--) {
            uint8_t byte = (uint8_t)random_below(256);
            ring_put(&ring, byte);
            if (queued < sizeof queue) {
                queue[queued++] = byte;
            } else {
                dropped++;
            }
        }
        CHECK(ring_empty(&ring) == (queued == 0));
        for (uint32_t n = random_below(RING_BYTES / 3); n > 0; n--) {
            uint8_t byte = 0;
            bool got = ring_get(&ring, &byte);
            CHECK(got == (queued > 0));
            if (got) {
                CHECK(byte == queue[0]);
                memmove(queue, queue + 1, --queued);
            }
        }
        CHECK(atomic_load(&ring.overruns) == dropped);
    }
    CHECK(dropped > 0);
    return 0;
}

static int holds_exactly_its_size(void)
{
    static struct ring ring;
    uint8_t byte;
    CHECK(ring_empty(&ring));
    CHECK(!ring_get(&ring, &byte));
    for (uint32_t i = 0; i < RING_BYTES; i++) {
        ring_put(&ring, (uint8_t)i);
    }
    CHECK(atomic_load(&ring.overruns) == 0);
    ring_put(&ring, 99);
    CHECK(atomic_load(&ring.overruns) == 1);
    for (uint32_t i = 0; i < RING_BYTES; i++) {
        CHECK(ring_get(&ring, &byte) && byte == (uint8_t)i);
    }
    CHECK(!ring_get(&ring, &byte) && ring_empty(&ring));
    return 0;
}

int main(void)
{
    return holds_exactly_its_size() || against_a_queue(0) || against_a_queue(UINT32_MAX - 1000);
}
