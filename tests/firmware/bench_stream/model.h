/* A recurrent model that sums what it gets, for tests of everything around one. Same interface as generated C. */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

enum { MODEL_INPUTS = 3, MODEL_OUTPUTS = 3 };

#define MODEL_INPUT_0_BYTES 12u  /* frame: what is added to each sum, and two bytes that are only sent up */
#define MODEL_INPUT_1_BYTES 10u  /* sums */
#define MODEL_INPUT_2_BYTES 2u   /* number of frames, int16 */
#define MODEL_OUTPUT_0_BYTES 10u /* logits: the sums, saturated */
#define MODEL_OUTPUT_1_BYTES 2u  /* next number of frames: outputs in another order than inputs */
#define MODEL_OUTPUT_2_BYTES 10u /* next sums */
#define model_ram_bytes ((size_t)46)

void *model_input(size_t index);
const void *model_output(size_t index);
void model_invoke(void);

#endif
