/* What the board says to the runner: text, piece by piece, and numbers without the C library's printf. A line ends with
 * reply_end(). Lines begin with "m-", a message, or "e-[", an error, and only those of `help` with neither. */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>
#include <stdint.h>

void reply(const char *text);
void reply_number(uint64_t value);
void reply_hex(uint8_t byte);

/* With three decimals, rounded as printf("%.3f") rounds: to the nearest, a tie to the even digit. From 2^53 on, where a
 * 64-bit count of thousandths ends, "inf". */
void reply_decimal(float value);

/* CR and LF. */
void reply_end(void);

/* A whole line. */
void reply_line(const char *text);

#endif
