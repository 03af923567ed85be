/* The level-1 caches of a core that has them (boards/cores.py: the Cortex-M7).
 *
 * There is no other master on the bus, no DMA, so nothing ever differs between cache and memory but at a reset: it
 * leaves the caches off with their contents unknown, and what was written but not cleaned is lost. */
#ifndef CACHES_H
#define CACHES_H

#include <stddef.h>

/* Instruction and data cache, emptied and on. Nothing on a core without. */
void caches_start(void);

/* Write what the data cache holds of these bytes to memory, where a reset finds it. */
void caches_clean(const void *bytes, size_t length);

#endif
