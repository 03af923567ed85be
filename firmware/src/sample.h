/* The sample family (host/messages/sample.py): from LOAD to FINAL, and REFUSED.
 *
 * One sample at a time. A model without state gets it whole, by LOAD and INFER or by CAPTURE, in its input; a recurrent
 * one frame by frame (stream.h). From the decision on both are the same, and are here: an abstained sample is sent up,
 * held or withheld, as consent says, and waits for its end until a deadline; meanwhile everything else is served, and
 * other samples are refused as busy. */
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
enum message_status sample_resend(const struct frame *frame);
enum message_status sample_release(const struct frame *frame);
enum message_status sample_answer(const struct frame *frame);
enum message_status sample_decline(const struct frame *frame);

/* For a model without state, in a firmware with a source of samples (source.h). */
enum message_status sample_capture(const struct frame *frame);

/* Refuses whatever begins with the number of a sample, as meant for the other kind of model or, CAPTURE, for a firmware
 * with a source. */
enum message_status sample_not_served(const struct frame *frame);

/* Ends a sample whose deadline has passed with the board's own answer. To be called from the main loop. */
void sample_poll(void);

/* False if the deadline is nearer than the next interrupt that is sure to come. */
bool sample_may_sleep(void);

/* Drop the sample: a session begins. One that still waits is counted as a fallback, or as withheld. */
void sample_forget(void);

/* Whether a request for that sample is to be carried out: it is the one that is being collected, or a later one, which
 * begins with this. If not, it has been answered here: by where the sample stands if it is decided, or by REFUSED. */
bool sample_takes(uint8_t type, uint32_t number);

/* Takes the sample that is being collected, or frame `step` of it, from the board's own source. False if that has none
 * at the moment, or if frames before it came from the host. */
bool sample_captured(uint8_t *codes, size_t length, size_t step);

/* Whether what there is of the sample is the board's own. */
bool sample_is_own(void);

/* Of the sample that is being collected; nothing in it at its begin. */
struct verdict *sample_verdict(void);

/* Runs the model on its inputs, and the gate, whose decision becomes the verdict's; cycles are added to those it
 * has. */
void sample_run(void);

/* Whether the outputs are those of a run for the sample. */
bool sample_inferred(void);

/* Whether consent lets what tells of the sample leave the board. */
bool sample_may_leave(void);

/* The verdict stands. Sends RESULT and goes on as consent says with a sample that is not accepted: `codes`, which must
 * stay as they are until the next sample begins. */
void sample_decided(const uint8_t *codes, size_t length);

void sample_refuse(uint8_t type, uint32_t number, enum message_reason reason);

#endif
