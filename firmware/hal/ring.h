/* A ring of bytes between one interrupt that puts and one loop that gets. No locks: each side writes its own index.
 *
 * Indices count bytes since the start and wrap at 2^32, which RING_BYTES divides; a full ring holds RING_BYTES. */
#ifndef RING_H
#define RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_BYTES 512u /* two of the longest frames (frame.h: 249 bytes): one being read, one arriving */

_Static_assert((RING_BYTES & (RING_BYTES - 1u)) == 0, "a power of two, so that the indices can wrap");

struct ring {
    _Atomic uint32_t put; /* written by ring_put */
    _Atomic uint32_t got; /* written by ring_get */
    _Atomic uint32_t overruns;
    uint8_t bytes[RING_BYTES];
};

/* One core: the compiler must keep the order, the hardware does. */
static inline void ring_put(struct ring *ring, uint8_t byte)
{
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    if (put - atomic_load_explicit(&ring->got, memory_order_relaxed) == RING_BYTES) {
        /* only this side writes it, so load and store need not be one operation */
        uint32_t overruns = atomic_load_explicit(&ring->overruns, memory_order_relaxed);
        atomic_store_explicit(&ring->overruns, overruns + 1, memory_order_relaxed);
        return;
    }
    ring->bytes[put % RING_BYTES] = byte;
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&ring->put, put + 1, memory_order_relaxed);
}

static inline bool ring_empty(const struct ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_relaxed) ==
           atomic_load_explicit(&ring->got, memory_order_relaxed);
}

/* False if there is no byte. */
static inline bool ring_get(struct ring *ring, uint8_t *byte)
{
    uint32_t got = atomic_load_explicit(&ring->got, memory_order_relaxed);
    if (got == atomic_load_explicit(&ring->put, memory_order_relaxed)) {
        return false;
    }
    atomic_signal_fence(memory_order_acquire);
    *byte = ring->bytes[got % RING_BYTES];
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&ring->got, got + 1, memory_order_relaxed);
    return true;
}

#endif
