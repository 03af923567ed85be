/* The gate on vectors from standard input, one to a line:
 *
 *     score classes threshold lengths-of-table-offsets-and-extra table... offsets... extra... logits... class score accepted
 *
 * where `score` is a name of `scores` below; for a router `extra` are features and `table` is that of the entropy. All
 * buffers are exactly as long as they are said to be, on the heap, so that the address sanitizer sees one element too
 * far; without offsets they are NULL. Prints the number of vectors; any difference ends it with 1. Run by
 * tests/firmware/test_gate.py, which makes the vectors with the gate's Python twin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate_router.h"

static const struct {
    const char *name;
    gate_score *function;
} scores[] = {
    {"softmax_response", gate_softmax_response},
    {"margin", gate_margin},
    {"entropy", gate_entropy},
    {"normalised_max_logit", gate_normalised_max_logit},
    {"reservation", gate_reservation},
    {"head", gate_head},
    {"router_small", gate_router},
    {"router_full", gate_router},
};

/* The model of a router: its answer is a quarter of the sum of all that it reads. Its sigmoid is a straight line. */
static int8_t *router_inputs[2];
static unsigned router_lengths[2];

static void *router_input(size_t index)
{
    return router_inputs[index];
}

static int8_t router_said;

static void router_invoke(void)
{
    int sum = 0;
    for (unsigned input = 0; input < 2; input++) {
        for (unsigned i = 0; i < router_lengths[input]; i++) {
            sum += router_inputs[input][i];
        }
    }
    sum = sum / 4;
    router_said = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
}

static const void *router_output(size_t index)
{
    return index == 0 ? &router_said : NULL;
}

static uint16_t straight_line[256];

static long number(void)
{
    long value;
    if (scanf("%ld", &value) != 1) {
        fprintf(stderr, "a vector ends early\n");
        exit(1);
    }
    return value;
}

static gate_score *function_of(const char *name)
{
    for (unsigned i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        if (strcmp(scores[i].name, name) == 0) {
            return scores[i].function;
        }
    }
    fprintf(stderr, "no score is called %s\n", name);
    exit(1);
}

static void *some(unsigned count, size_t size)
{
    void *memory = count > 0 ? malloc(count * size) : NULL;
    if (count > 0 && memory == NULL) {
        exit(1);
    }
    return memory;
}

int main(void)
{
    unsigned vectors = 0;
    char name[64];
    for (unsigned i = 0; i < 256; i++) {
        straight_line[i] = (uint16_t)(128 * i);
    }
    while (scanf("%63s", name) == 1) {
        struct gate gate = {.score = function_of(name), .classes = (uint16_t)number()};
        gate.threshold = (uint16_t)number();
        gate.table_length = (uint16_t)number();
        unsigned offset_count = (unsigned)number(), extra_count = (unsigned)number();
        uint16_t *table = some(gate.table_length, sizeof *table);
        int16_t *offsets = some(offset_count, sizeof *offsets);
        int8_t *extra = some(extra_count, sizeof *extra);
        int8_t *logits = some(gate.classes, sizeof *logits);
        for (unsigned i = 0; i < gate.table_length; i++) {
            table[i] = (uint16_t)number();
        }
        for (unsigned i = 0; i < offset_count; i++) {
            offsets[i] = (int16_t)number();
        }
        for (unsigned i = 0; i < extra_count; i++) {
            extra[i] = (int8_t)number();
        }
        for (unsigned i = 0; i < gate.classes; i++) {
            logits[i] = (int8_t)number();
        }
        gate.table = table;
        gate.offsets = offsets;
        struct gate_router router = {.features = (uint16_t)extra_count, .input = router_input, .output = router_output,
                                     .invoke = router_invoke, .table = table, .table_length = gate.table_length};
        if (gate.score == gate_router) {
            bool full = strcmp(name, "router_full") == 0;
            router.statistics = full ? gate_statistics_full : gate_statistics_small;
            router_lengths[0] = full ? 1u + (gate.classes < 10 ? gate.classes : 10u) : 3u;
            router_lengths[1] = extra_count;
            for (unsigned i = 0; i < 2; i++) {
                router_inputs[i] = some(router_lengths[i], 1);
            }
            gate.router = &router;
            gate.table = straight_line;
            gate.table_length = 256;
        }
        long class_index = number(), score = number(), accepted = number();
        struct gate_decision decision = gate_decide(&gate, gate.threshold, logits, extra);
        if (decision.class_index != class_index || decision.score != score || decision.accepted != (accepted != 0)) {
            fprintf(stderr, "vector %u, %s: class %u, score %u, accepted %d; expected %ld, %ld, %ld\n", vectors, name,
                    decision.class_index, decision.score, decision.accepted, class_index, score, accepted);
            return 1;
        }
        free(router_inputs[0]);
        free(router_inputs[1]);
        router_inputs[0] = router_inputs[1] = NULL;
        free(table);
        free(offsets);
        free(extra);
        free(logits);
        vectors++;
    }
    printf("%u\n", vectors);
    return 0;
}
