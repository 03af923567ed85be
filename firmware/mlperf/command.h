/* A command of the runner: bytes in, words out.
 *
 *     infer 20 5%         words end at a space, the command at '%'; the runner sends no line end
 *
 * At most 80 characters, as EE_CMD_SIZE in benchmark/api/internally_implemented.h of MLPerf Tiny. Bytes that do not
 * print separate words too, so that a person at a terminal may press return, and none of them is ever sent back.
 *
 *     struct command command = {0};
 *     if (command_push(&command, byte) == COMMAND_WHOLE) ... command.words[0] ... */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_LENGTH 80u
#define COMMAND_WORDS 3u /* the longest command has so many; what follows them is not looked at, as in the reference */
#define COMMAND_END '%'

/* The largest number that an argument may be: what nine digits can say. */
#define COMMAND_NUMBER_DIGITS 9u

enum command_status {
    COMMAND_PART,     /* no '%' yet */
    COMMAND_WHOLE,    /* `words` are there, until the next push; none of an empty command */
    COMMAND_TOO_LONG, /* more than COMMAND_LENGTH characters before the '%'; they are forgotten */
};

/* All zero at first. `words` without an entry are NULL. */
struct command {
    char text[COMMAND_LENGTH + 1];
    size_t length;
    bool too_long;
    const char *words[COMMAND_WORDS];
};

enum command_status command_push(struct command *command, uint8_t byte);

/* False unless the word is a decimal number of at most nine digits. */
__attribute__((warn_unused_result)) bool command_number(const char *word, uint32_t *value);

/* The value of two hexadecimal digits of either case. False unless they are. */
__attribute__((warn_unused_result)) bool command_hex(const char *digits, uint8_t *value);

#endif
