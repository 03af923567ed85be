#include "db.h"

#include <stdbool.h>
#include <string.h>

#include "model_mlperf.h"
#include "reply.h"

#define BYTES_A_LINE 8u

static uint8_t bytes[MODEL_MLPERF_BYTES];
static size_t announced, length;

const uint8_t *db_bytes(void)
{
    return bytes;
}

size_t db_length(void)
{
    return length;
}

static void load(const char *word)
{
    uint32_t number;
    if (word == NULL || !command_number(word, &number) || number == 0) {
        reply_line("e-[db load: expected a number of bytes above 0]");
    } else if (number > sizeof bytes) {
        reply("e-[db load: at most ");
        reply_number(sizeof bytes);
        reply_line(" bytes]");
    } else {
        announced = number;
        length = 0;
        reply("m-[Expecting ");
        reply_number(announced);
        reply_line(" bytes]");
    }
}

static void print(void)
{
    for (size_t i = 0; i < length; i++) {
        reply(i % BYTES_A_LINE == 0 ? "m-buffer-" : "-");
        reply_hex(bytes[i]);
        if (i % BYTES_A_LINE == BYTES_A_LINE - 1 || i == length - 1) {
            reply_end();
        }
    }
}

static bool all_hex(const char *digits)
{
    uint8_t value;
    for (; *digits != '\0'; digits += 2) {
        if (!command_hex(digits, &value)) {
            return false;
        }
    }
    return true;
}

static void append(const char *digits)
{
    if (length == announced) {
        reply_line("e-[db: no bytes expected, say db load N first]");
        return;
    }
    if (strlen(digits) % 2 != 0 || !all_hex(digits)) {
        reply_line("e-[db: expected two hexadecimal digits a byte]");
        return;
    }
    for (; *digits != '\0' && length < announced; digits += 2) {
        length += command_hex(digits, &bytes[length]);
    }
    if (length == announced) {
        reply_line("m-load-done");
    }
}

void db_serve(const struct command *command)
{
    const char *word = command->words[1];
    if (word == NULL) {
        reply_line("e-[db: expected load, print or bytes]");
    } else if (strcmp(word, "load") == 0) {
        load(command->words[2]);
    } else if (strcmp(word, "print") == 0) {
        print();
    } else {
        append(word);
    }
}
