#include "reply.h"

#include <string.h>

#include "uart.h"

#define DIGITS_MAX 20u /* of 2^64 - 1 */

/* IEEE 754 binary32 */
#define FRACTION_BITS 23
#define EXPONENT_SPECIAL 0xFFu   /* infinity, or not a number */
#define EXPONENT_OF_INTEGERS 150 /* that of a fraction which counts ones: bias 127 and FRACTION_BITS */
#define THOUSAND_BITS 34         /* 2^24 * 1000 is less than 2^34 */

static void send(const char *text, size_t length)
{
    if (uart_write((const uint8_t *)text, length) != UART_OK) {
        return; /* the transmitter is stuck: there is nobody to tell, and the runner notices the missing line */
    }
}

void reply(const char *text)
{
    send(text, strlen(text));
}

void reply_number(uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    send(&digits[first], DIGITS_MAX - first);
}

void reply_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char text[] = {digits[byte >> 4], digits[byte & 0xF]};
    send(text, sizeof text);
}

static void reply_thousandths(uint64_t value)
{
    uint64_t rest = value % 1000;
    reply_number(value / 1000);
    reply(rest < 10 ? ".00" : rest < 100 ? ".0" : ".");
    reply_number(rest);
}

/* value / 2^shift, to the nearest, a tie to even. */
static uint64_t round_shift(uint64_t value, int shift)
{
    uint64_t half = UINT64_C(1) << (shift - 1);
    uint64_t rest = value & (2 * half - 1);
    uint64_t whole = value >> shift;
    return whole + (rest > half || (rest == half && whole % 2 == 1));
}

void reply_decimal(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t exponent = bits >> FRACTION_BITS & EXPONENT_SPECIAL;
    uint64_t fraction = bits & ((UINT32_C(1) << FRACTION_BITS) - 1);
    if (exponent == EXPONENT_SPECIAL && fraction != 0) {
        reply("nan");
        return;
    }
    if (bits >> 31) {
        reply("-");
    }
    /* |value| is fraction * 2^-shift; the smallest exponent has no implied one and counts as 1 */
    int shift = EXPONENT_OF_INTEGERS - (int)(exponent > 0 ? exponent : 1);
    fraction |= exponent > 0 ? UINT64_C(1) << FRACTION_BITS : 0;
    uint64_t thousandths = fraction * 1000;
    if (shift < THOUSAND_BITS - 63) {
        reply("inf");
    } else if (shift <= 0) {
        reply_thousandths(thousandths << -shift);
    } else if (shift <= THOUSAND_BITS) {
        reply_thousandths(round_shift(thousandths, shift));
    } else {
        reply_thousandths(0); /* less than half of one */
    }
}

void reply_end(void)
{
    reply("\r\n");
}

void reply_line(const char *text)
{
    reply(text);
    reply_end();
}
