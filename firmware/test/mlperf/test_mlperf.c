/* Tests of mlperf/command.c and mlperf/reply.c, for the PC, under the address and undefined-behaviour sanitizers. Built
 * and run by tests/firmware/test_mlperf.py. Prints what failed; exit status 1 if anything did. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "reply.h"
#include "uart.h"

static unsigned checks, failures;

#define CHECK(condition, what)                                                                                         \
    do {                                                                                                               \
        checks++;                                                                                                      \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, (what), #condition);                                         \
        }                                                                                                              \
    } while (0)

/* --- reply.c: what it writes, against the C library --- */

static char said[512];
static size_t said_length;

enum uart_status uart_write(const uint8_t *bytes, size_t length)
{
    if (said_length + length < sizeof said) {
        memcpy(said + said_length, bytes, length);
        said_length += length;
    }
    said[said_length] = '\0';
    return UART_OK;
}

static const char *decimal(float value)
{
    said_length = 0;
    reply_decimal(value);
    return said;
}

static void check_decimal(float value)
{
    char expected[128];
    (void)snprintf(expected, sizeof expected, "%.3f", (double)value);
    if (isnan(value)) {
        CHECK(strcmp(decimal(value), "nan") == 0, expected); /* the C library may give it a sign */
    } else if (fabsf(value) >= 9007199254740992.0f) {
        CHECK(strcmp(decimal(value), signbit(value) ? "-inf" : "inf") == 0, expected);
    } else {
        CHECK(strcmp(decimal(value), expected) == 0, expected);
    }
}

static float of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void decimals(void)
{
    static const float some[] = {
        0.0f, 0.0005f, 0.0015f, 0.0625f, 0.1875f, 0.5f, 0.9995f, 0.99949f, 0.99609375f, 1.0f, 9.9995f, 1e-30f,
        0x1p-149f, 0x1p-126f, 0.00048828125f, 8388607.5f, 16777216.0f, 1e12f, 0x1.fffffep52f, 0x1p53f,
        3e38f, INFINITY, NAN,
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        check_decimal(some[i]);
        check_decimal(-some[i]);
    }
    for (int code = -256; code <= 256; code++) {
        check_decimal((float)code / 256.0f); /* every score of the reference models: a tie at each odd 16th */
        check_decimal((float)code * 0x1.5d3cp-2f);
    }
    uint32_t bits = 1;
    for (int i = 0; i < 200000; i++) { /* any floats at all */
        bits = bits * 1664525u + 1013904223u;
        check_decimal(of_bits(bits));
        check_decimal(of_bits((bits & 0x807FFFFFu) | (110u + (bits >> 24) % 48u) << 23)); /* from 2^-17 to 2^30 */
    }
}

static void numbers(void)
{
    said_length = 0;
    reply_number(0);
    reply_number(1234567890);
    reply_number(UINT64_MAX);
    reply_hex(0x0F);
    reply_hex(0xA0);
    reply_line("x");
    CHECK(strcmp(said, "01234567890184467440737095516150fa0x\r\n") == 0, said);
}

/* --- command.c --- */

static struct command command;

/* The words of the last of some commands, joined by '|'; NULL if it was too long, or ended in no '%'. */
static const char *words(const char *text, size_t length)
{
    static char joined[4 * COMMAND_LENGTH];
    enum command_status status = COMMAND_PART;
    for (size_t i = 0; i < length; i++) {
        status = command_push(&command, (uint8_t)text[i]);
    }
    if (status != COMMAND_WHOLE) {
        return NULL;
    }
    joined[0] = '\0';
    for (size_t i = 0; i < COMMAND_WORDS && command.words[i] != NULL; i++) {
        strcat(joined, i > 0 ? "|" : "");
        strcat(joined, command.words[i]);
    }
    return joined;
}

static void check_words(const char *text, const char *expected)
{
    const char *found = words(text, strlen(text));
    CHECK(found != NULL && strcmp(found, expected) == 0, text);
}

static void commands(void)
{
    char longest[COMMAND_LENGTH + 2];
    check_words("name%", "name");
    check_words("infer 20 5%", "infer|20|5");
    check_words("infer 20 5 6 7%", "infer|20|5");
    check_words("  db   load  7 %", "db|load|7");
    check_words("\r\nname\r\n%", "name");
    check_words("db\tprint%", "db|print");
    check_words("%", "");
    check_words("   %", "");
    check_words("a\x80z\xffq\x7f%", "a|z|q");
    CHECK(words("nam", 3) == NULL, "a part");
    check_words("e%", "name");
    CHECK(strcmp(words("a\0b%", 4), "a|b") == 0, "a zero byte");
    memset(longest, 'x', sizeof longest);
    longest[COMMAND_LENGTH] = COMMAND_END;
    CHECK(strlen(words(longest, COMMAND_LENGTH + 1)) == COMMAND_LENGTH, "80 characters");
    longest[COMMAND_LENGTH] = 'x';
    longest[COMMAND_LENGTH + 1] = COMMAND_END;
    CHECK(words(longest, COMMAND_LENGTH + 2) == NULL, "81 characters");
    check_words("name%", "name");
}

static void arguments(void)
{
    static const char *wrong[] = {"", "-1", "+1", "1.0", "0x10", "x", "1x", "1234567890", " 1"};
    uint32_t number;
    uint8_t value;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!command_number(wrong[i], &number), wrong[i]);
    }
    CHECK(command_number("0", &number) && number == 0, "0");
    CHECK(command_number("007", &number) && number == 7, "007");
    CHECK(command_number("999999999", &number) && number == 999999999, "999999999");
    for (int high = 0; high < 128; high++) {
        for (int low = 0; low < 128; low++) {
            const char digits[] = {(char)high, (char)low, '\0'};
            bool are = isxdigit(high) && isxdigit(low);
            CHECK(command_hex(digits, &value) == are, digits);
            CHECK(!are || value == strtoul(digits, NULL, 16), digits);
        }
    }
}

int main(void)
{
    decimals();
    numbers();
    commands();
    arguments();
    printf("%u checks, %u failures\n", checks, failures);
    return failures > 0;
}
