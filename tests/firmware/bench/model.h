/* A model that does what its input says, for tests of everything around a model. Same interface as generated C. */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

enum { MODEL_INPUTS = 1, MODEL_OUTPUTS = 2 };

#define MODEL_INPUT_0_BYTES 600u  /* three LOADs, three UPLINKs */
#define MODEL_OUTPUT_0_BYTES 10u  /* the logits: the first ten bytes of the input */
#define MODEL_OUTPUT_1_BYTES 600u /* the input backwards: three OUTPUTs */
#define model_ram_bytes ((size_t)1210)

void *model_input(size_t index);
const void *model_output(size_t index);
void model_invoke(void);

#endif
