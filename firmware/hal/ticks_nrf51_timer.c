/* TIMER of the nRF51 (reference manual 3.0, chapter 18) and nRF52, 32 bits of the 16 MHz clock. Twin of
 * boards/ticks/nrf51_timer.py.
 *
 * Compare register 0 holds the count of the next wrap; register 1 takes the count on demand. Run in QEMU only. */
#include "board.h"
#include "cortex_m.h"
#include "ticks.h"

#define TIMER_START REGISTER(BOARD_TICKS_BASE + 0x000)
#define TIMER_CLEAR REGISTER(BOARD_TICKS_BASE + 0x00C)
#define TIMER_CAPTURE_1 REGISTER(BOARD_TICKS_BASE + 0x044)
#define TIMER_COMPARE_0 REGISTER(BOARD_TICKS_BASE + 0x140)
#define TIMER_INTENSET REGISTER(BOARD_TICKS_BASE + 0x304)
#define TIMER_MODE REGISTER(BOARD_TICKS_BASE + 0x504)
#define TIMER_BITMODE REGISTER(BOARD_TICKS_BASE + 0x508)
#define TIMER_PRESCALER REGISTER(BOARD_TICKS_BASE + 0x510)
#define TIMER_CC_0 REGISTER(BOARD_TICKS_BASE + 0x540)
#define TIMER_CC_1 REGISTER(BOARD_TICKS_BASE + 0x544)

#define TRIGGER 1u
#define MODE_TIMER 0u
#define BITMODE_32 3u
#define INTEN_COMPARE_0 BIT(16)

#define COUNTS (TICKS_WRAP / BOARD_TICKS_PERIODS) /* in a wrap */

void ticks_driver_start(void)
{
    TIMER_MODE = MODE_TIMER;
    TIMER_BITMODE = BITMODE_32;
    TIMER_PRESCALER = 0;
    TIMER_CC_0 = COUNTS;
    TIMER_CLEAR = TRIGGER;
    TIMER_START = TRIGGER;
    TIMER_COMPARE_0 = 0; /* of before a restart */
    TIMER_INTENSET = INTEN_COMPARE_0;
    nvic_enable(BOARD_TICKS_INTERRUPT);
}

uint32_t ticks_driver_elapsed(void)
{
    TIMER_CAPTURE_1 = TRIGGER;
    return TIMER_CC_1 % COUNTS * BOARD_TICKS_PERIODS;
}

bool ticks_driver_pending(void)
{
    return TIMER_COMPARE_0 != 0;
}

void ticks_interrupt(void)
{
    TIMER_COMPARE_0 = 0;
    TIMER_CC_0 += COUNTS;
    ticks_wrapped();
}
