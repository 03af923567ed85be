/* For the tests of the clock drivers: rules that must hold, and flags that come late or never.
 *
 * Arguments of a test: the flag that never comes, the flag that comes much later than all others; "none" for either. */
#ifndef SIMULATED_CLOCK_H
#define SIMULATED_CLOCK_H

#include <stdbool.h>
#include <string.h>

/* A flag comes this many accesses after it was asked for; the late one after all others that are asked for
 * meanwhile. */
enum { DELAY = 5, LATE = 2000 };

static const char *never = "none", *late = "none";
static unsigned accesses;

static inline void choose(int count, char **arguments)
{
    never = count > 1 ? arguments[1] : never;
    late = count > 2 ? arguments[2] : late;
}

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
    } else if (!fails(name) && ++*waited > (strcmp(late, name) == 0 ? LATE : DELAY)) {
        *word |= flag;
    }
}

#endif
