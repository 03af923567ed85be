/* The board's own source of samples: what CAPTURE (host/messages/sample.py) takes the next sample from.
 *
 * Which one is linked is chosen when the firmware is built (firmware/source.py):
 *
 *     make firmware SOURCE=none                  none: all samples come from the host
 *     make firmware SOURCE=vectors:32            vectors.c: samples of the run's test split, in flash
 *     make firmware SOURCE=drivers/camera.c      a driver: a C file of yours with the two functions below
 *
 * A driver is compiled as the firmware's own files are, with all warnings as errors, and may include their headers:
 * board.h, hal/register.h for registers, hal/ticks.h for time. Its file's name is what HELLO calls it. It runs in the
 * main loop, so while it does nothing else is served: a wait in it is bounded, and what would take longer answers
 * SOURCE_NOTHING and goes on when it is called again. The host asks again soon.
 *
 *     #include "source.h"
 *
 *     void source_start(uint32_t clock_hz)
 *     {
 *         ...
 *     }
 *
 *     enum source_status source_take(uint8_t *codes, size_t length, size_t step)
 *     {
 *         if (!ready()) {
 *             return SOURCE_NOTHING;
 *         }
 *         for (size_t i = 0; i < length; i++) {
 *             codes[i] = (uint8_t)(int8_t)(pixel(i) - 128);
 *         }
 *         return SOURCE_OK;
 *     }
 * / */
#ifndef SOURCE_H
#define SOURCE_H

#include <stddef.h>
#include <stdint.h>

#define SOURCE_CHECKED __attribute__((warn_unused_result))

enum source_status {
    SOURCE_OK,
    SOURCE_NOTHING, /* no sample, or no frame, at the moment; nothing of `codes` counts */
};

/* Once after the reset, before the first sample is asked for. */
void source_start(uint32_t clock_hz);

/* Writes the next sample: `length` bytes, the model's input as it takes it, quantised with the scale and the zero point
 * of `inputs` in manifest.json. Of a recurrent model, frame number `step` of the sample. A call with step 0 begins the
 * next sample, however many frames were taken of the one before. */
SOURCE_CHECKED enum source_status source_take(uint8_t *codes, size_t length, size_t step);

#endif
