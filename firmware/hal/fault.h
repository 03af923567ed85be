/* Faults end in a restart, and the restart says why: what the core knew is kept in RAM that a reset does not clear.
 *
 * After FAULT_RESTARTS restarts in a row the board stops instead, asleep with interrupts off: a fault that comes back
 * at once would otherwise flood the link. fault_forget() ends the row. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_RESTARTS 3u

enum fault_exception {
    FAULT_NONE = 0,
    FAULT_STOP = 1, /* fault_stop(); the others are exception numbers: 3 is a HardFault (DDI0403 B1.5.2) */
};

struct fault {
    uint32_t exception;
    uint32_t program_counter; /* 0 if the stack was not in its place */
    uint32_t status;          /* CFSR, DDI0403 B3.2.15; 0 in Armv6-M, which has none */
};

/* The fault that led to this start, if one did. */
bool fault_last(struct fault *fault);

/* The board works again: a later fault restarts it as if it were the first. */
void fault_forget(void);

/* End here as a fault does. For states that must not occur. */
__attribute__((noreturn)) void fault_stop(void);

/* Handler of all fault exceptions. */
void fault_entry(void);

#endif
