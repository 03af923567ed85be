/* What the application sees of the inference engine, whichever is linked (src/engine_*.c).
 *
 * Copy codes to engine_input(i), call engine_invoke(), read engine_output(i). Inputs survive an invocation, so that an
 * abstained sample can be sent from where it lies, and no output lies where an input does, so that the states of a
 * recurrent model can be copied from the ones to the others. Buffers belong to the engine; nothing is allocated. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ENGINE_CHECKED __attribute__((warn_unused_result))

enum engine_status {
    ENGINE_OK,
    ENGINE_BAD_MODEL, /* of another schema, or with an operator or an input that this engine was not built for */
    ENGINE_NO_MEMORY, /* the arena is too small for the model, or a kernel does not take an operator as it is */
    ENGINE_FAILED,    /* an inference ended with an error */
};

/* As enum message_engine of messages.h. */
enum engine_kind {
    ENGINE_AOT = 0,
    ENGINE_TFLM = 1,
};

ENGINE_CHECKED enum engine_status engine_init(void);

/* Inputs and their lengths in bytes, in the manifest's order: 0 is the sample or, of a recurrent model, the frame. */
uint8_t *engine_input(size_t index);
size_t engine_input_bytes(size_t index);

ENGINE_CHECKED enum engine_status engine_invoke(void);

/* Outputs 0 .. engine_outputs() - 1, in the manifest's order. */
size_t engine_outputs(void);
const uint8_t *engine_output(size_t index);
size_t engine_output_bytes(size_t index);

/* RAM of the model: the arena, and the inputs where those are kept apart from it. */
size_t engine_ram_bytes(void);

enum engine_kind engine_kind(void);

#ifdef __cplusplus
}
#endif

#endif
