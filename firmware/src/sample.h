/* The sample family (host/messages/sample.py): LOAD, INFER, RESULT, UPLINK, ANSWER, FINAL, REFUSED.
 *
 * One sample at a time. A model without state gets it whole, by LOAD and INFER, in its input; a recurrent one frame by
 * frame (stream.h). From the decision on both are the same, and are here: an abstained sample is sent up and waits for
 * ANSWER until its deadline; meanwhile everything else is served, and samples are refused as busy. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate.h"
#include "messages.h"

/* What model and gate say of a sample, and what that took. */
struct verdict {
    struct gate_decision decision; /* after the last step */
    uint16_t steps;                /* frames of a sequence; 0 for a whole sample */
    uint32_t infer_cycles;         /* of all steps */
    uint32_t gate_cycles;          /* likewise */
};

void sample_start(uint32_t clock_hz);

enum message_status sample_load(const struct frame *frame);
enum message_status sample_infer(const struct frame *frame);
enum message_status sample_answer(const struct frame *frame);

/* Refuses whatever begins with the number of a sample, as meant for the other kind of model. */
enum message_status sample_wrong_kind(const struct frame *frame);

/* Falls back to the board's own answer once the deadline has passed. To be called from the main loop. */
void sample_poll(void);

/* False if the deadline is nearer than the next interrupt that is sure to come. */
bool sample_may_sleep(void);

/* Drop the sample: the host begins anew. One that still waits is counted as a fallback. */
void sample_forget(void);

/* Drop the sample and expect another. */
void sample_begin(uint32_t number);

/* Whether that is the sample which was begun last. */
bool sample_is(uint32_t number);

/* Whether an abstained sample waits for its answer; then the request is refused. */
bool sample_busy(uint8_t type, uint32_t number);

/* Runs the model on its inputs, and the gate, whose decision becomes the verdict's; cycles are added to those it has. */
void sample_run(struct verdict *verdict);

/* Whether the outputs are those of a run. */
bool sample_inferred(void);

/* The verdict stands. Sends RESULT; of a sample that is not accepted sends `codes` up, which must stay as they are until the
 * next sample begins, and waits for ANSWER. */
void sample_decided(const struct verdict *verdict, const uint8_t *codes, size_t length);

void sample_refuse(uint8_t type, uint32_t number, enum message_reason reason);

#endif
