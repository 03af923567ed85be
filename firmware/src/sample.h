/* The sample family (host/messages/sample.py): LOAD, INFER, RESULT, UPLINK, ANSWER, FINAL, REFUSED.
 *
 * One sample at a time, in the model's input. An abstained one waits for ANSWER until its deadline; meanwhile
 * everything else is served; LOAD and INFER are refused as busy. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "messages.h"

void sample_start(uint32_t clock_hz);

enum message_status sample_load(const struct frame *frame);
enum message_status sample_infer(const struct frame *frame);
enum message_status sample_answer(const struct frame *frame);

/* Falls back to the board's own answer once the deadline has passed. To be called from the main loop. */
void sample_poll(void);

/* False if the deadline is nearer than the next interrupt that is sure to come. */
bool sample_may_sleep(void);

/* Drop the sample: the host begins anew. One that still waits is counted as a fallback. */
void sample_forget(void);

/* Whether the outputs are those of an inference. */
bool sample_inferred(void);

void sample_refuse(uint8_t type, uint32_t sample, enum message_reason reason);

#endif
