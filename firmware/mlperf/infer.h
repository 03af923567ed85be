/* `infer N W`: the sample in db becomes the model's input, W inferences to warm up, N between two timestamps, the
 * results. `results` says them again. How a sample becomes codes, and outputs results, is the benchmark's
 * (benchmark.h). */
#ifndef INFER_H
#define INFER_H

#include "command.h"

/* Once, before the others. */
void infer_start(void);

void infer_serve(const struct command *command);
void infer_results(const struct command *command);

#endif
