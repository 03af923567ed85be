/* For the tests of the clock drivers: rules that must hold, and flags that come late or never. */
#ifndef SIMULATED_CLOCK_H
#define SIMULATED_CLOCK_H

#include <stdbool.h>
#include <string.h>

/* A flag comes this many accesses after it was asked for. */
enum { DELAY = 5 };

static const char *never = "none";
static unsigned accesses;

static inline void require(bool rule, const char *text)
{
    if (!rule) {
        fprintf(stderr, "rule broken: %s\n", text);
        exit(1);
    }
}

static inline bool fails(const char *name)
{
    return strcmp(never, name) == 0;
}

/* Sets `flag` of *word some time after `asked` became true, unless it is the one that never comes. */
static inline void answer(bool asked, volatile uint32_t *word, uint32_t flag, const char *name, unsigned *waited)
{
    if (!asked) {
        *word &= ~flag;
        *waited = 0;
    } else if (!fails(name) && ++*waited > DELAY) {
        *word |= flag;
    }
}

#endif
