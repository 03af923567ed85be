/* The gate on vectors from standard input, one to a line:
 *
 *     classes threshold table_length table... logits... class score accepted
 *
 * All buffers are exactly as long as they are said to be, on the heap, so that the address sanitizer sees one element
 * too far. Prints the number of vectors; any difference ends it with 1. Run by tests/firmware/test_gate.py, which makes
 * the vectors with the gate's Python twin. */
#include <stdio.h>
#include <stdlib.h>

#include "gate.h"

static long number(void)
{
    long value;
    if (scanf("%ld", &value) != 1) {
        fprintf(stderr, "a vector ends early\n");
        exit(1);
    }
    return value;
}

int main(void)
{
    unsigned vectors = 0;
    long classes;
    while (scanf("%ld", &classes) == 1) {
        struct gate gate = {.score = GATE_SOFTMAX_RESPONSE, .classes = (uint16_t)classes};
        gate.threshold = (uint16_t)number();
        gate.table_length = (uint16_t)number();
        uint16_t *table = malloc(gate.table_length * sizeof *table);
        int8_t *logits = malloc(gate.classes * sizeof *logits);
        if (table == NULL || logits == NULL) {
            return 1;
        }
        for (unsigned i = 0; i < gate.table_length; i++) {
            table[i] = (uint16_t)number();
        }
        for (unsigned i = 0; i < gate.classes; i++) {
            logits[i] = (int8_t)number();
        }
        gate.table = table;
        long class_index = number(), score = number(), accepted = number();
        struct gate_decision decision = gate_decide(&gate, gate.threshold, logits);
        if (decision.class_index != class_index || decision.score != score || decision.accepted != (accepted != 0)) {
            fprintf(stderr, "vector %u: class %u, score %u, accepted %d; expected %ld, %ld, %ld\n", vectors,
                    decision.class_index, decision.score, decision.accepted, class_index, score, accepted);
            return 1;
        }
        free(table);
        free(logits);
        vectors++;
    }
    printf("%u\n", vectors);
    return 0;
}
