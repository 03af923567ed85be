// Runs a compiled model on this PC: reads inputs from standard input until it ends, one inference after another, and writes
// the outputs of each to standard output. Built by export/check/run.py together with model.c.
#include "model.h"
#include <stdint.h>
#include <stdio.h>

int main(void) {
    static const uint32_t input_bytes[] = {CHECK_INPUT_BYTES}, output_bytes[] = {CHECK_OUTPUT_BYTES};
    for (;;) {
        for (uint32_t i = 0; i < MODEL_INPUTS; i++) {
            const size_t got = fread(model_input(i), 1, input_bytes[i], stdin);
            if (got == 0 && i == 0 && feof(stdin)) return fflush(stdout);
            if (got != input_bytes[i]) return 1;
        }
        model_invoke();
        for (uint32_t i = 0; i < MODEL_OUTPUTS; i++)
            if (fwrite(model_output(i), 1, output_bytes[i], stdout) != output_bytes[i]) return 1;
    }
}
