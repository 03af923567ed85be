/* Opens the debug port of a chip that locks it at each reset until its firmware says otherwise (chip.debug_open of the
 * board file). */
#ifndef DEBUG_PORT_H
#define DEBUG_PORT_H

#include "board.h"
#include "register.h"

static inline void debug_port_open(void)
{
    if (BOARD_DEBUG_REGISTER != 0) {
        REGISTER(BOARD_DEBUG_REGISTER) = BOARD_DEBUG_WORD;
    }
}

#endif
