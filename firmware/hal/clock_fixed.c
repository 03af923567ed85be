/* A clock that cannot be changed. Twin of boards/clocks/fixed.py. */
#include "board.h"
#include "clock.h"

struct clock clock_start(void)
{
    return (struct clock){.hz = BOARD_CLOCK_HZ, .fallback = false};
}
