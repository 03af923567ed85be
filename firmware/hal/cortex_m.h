/* The Cortex-M core: system control, interrupts, sleep (DDI0403, chapters B1 and B3). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include "register.h"

#define SCB_ICSR REGISTER(0xE000ED04)  /* B3.2.4 interrupt control and state */
#define SCB_VTOR REGISTER(0xE000ED08)  /* B3.2.5 vector table offset */
#define SCB_AIRCR REGISTER(0xE000ED0C) /* B3.2.6 application interrupt and reset control */
#define SCB_CFSR REGISTER(0xE000ED28)  /* B3.2.15 configurable fault status */
#define SCB_CPACR REGISTER(0xE000ED88) /* B3.2.20 coprocessor access: CP10 and CP11 are the FPU */

#define SCB_ICSR_PENDSTSET BIT(26)
#define SCB_AIRCR_RESET (UINT32_C(0x05FA) << 16 | BIT(2)) /* key and SYSRESETREQ */
#define SCB_CPACR_FPU (UINT32_C(0xF) << 20)

#define NVIC_ISER(interrupt) REGISTER(0xE000E100 + 4 * ((interrupt) / 32)) /* B3.4.4 set enable */

static inline void interrupts_disable(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

static inline void interrupts_enable(void)
{
    __asm__ volatile("cpsie i" ::: "memory");
}

/* Returns at once if an interrupt is pending, even while interrupts are disabled (B1.5.19): so disable them, look
 * whether there is work, wait if there is none, enable them, and no wake-up is lost. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
}

static inline void memory_barrier(void)
{
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static inline void nvic_enable(uint32_t interrupt)
{
    NVIC_ISER(interrupt) = BIT(interrupt % 32);
}

#endif
