/* Memory-mapped registers. Addresses in this folder carry the section of the manual they come from:
 * RM0390 (STM32F446 reference manual), DDI0403 (Armv7-M architecture reference manual), DDI0419 (Armv6-M), DDI0479
 * (Cortex-M System Design Kit). */
#ifndef REGISTER_H
#define REGISTER_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define BIT(n) (UINT32_C(1) << (n))

#endif
