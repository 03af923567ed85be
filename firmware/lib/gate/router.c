/* Router: the sigmoid of what a second model says to statistics of the logits and to features. The table is that of
 * head.c. */
#include <string.h>

#include "gate_router.h"

uint16_t gate_router(const struct gate *gate, const int8_t *logits, uint8_t top, const int8_t *extra)
{
    const struct gate_router *router = gate->router;
    const struct gate statistics = {
        .classes = gate->classes,
        .table_length = router->table_length,
        .table = router->table,
    };
    router->statistics(&statistics, logits, top, router->input(0));
    memcpy(router->input(1), extra, router->features);
    router->invoke();
    const int8_t *said = router->output(0);
    return gate->table[*said + 128];
}
