/* `timestamp`, and the two around the inferences that are timed: m-lap-us-N, microseconds of the board's clock since
 * its start.
 *
 * In an emulator the board's time base counts instructions, and N is no time of any hardware. */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H

#include <stdint.h>

void timestamp_start(uint32_t clock_hz);
void timestamp(void);

#endif
