#include "command.h"

static bool separates(char character)
{
    return character <= ' ' || character > '~';
}

static void split(struct command *command)
{
    size_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < COMMAND_WORDS; i++) {
        command->words[i] = NULL;
    }
    for (size_t i = 0; i < command->length; i++) {
        if (separates(command->text[i])) {
            command->text[i] = '\0';
            inside = false;
        } else if (!inside) {
            if (count < COMMAND_WORDS) {
                command->words[count++] = &command->text[i];
            }
            inside = true;
        }
    }
    command->text[command->length] = '\0';
}

enum command_status command_push(struct command *command, uint8_t byte)
{
    if (byte != COMMAND_END) {
        if (command->length < COMMAND_LENGTH) {
            command->text[command->length++] = byte > '~' ? ' ' : (char)byte;
        } else {
            command->too_long = true;
        }
        return COMMAND_PART;
    }
    enum command_status status = command->too_long ? COMMAND_TOO_LONG : COMMAND_WHOLE;
    split(command);
    command->length = 0;
    command->too_long = false;
    return status;
}

bool command_number(const char *word, uint32_t *value)
{
    size_t digits = 0;
    *value = 0;
    for (; word[digits] >= '0' && word[digits] <= '9' && digits < COMMAND_NUMBER_DIGITS; digits++) {
        *value = *value * 10 + (uint32_t)(word[digits] - '0');
    }
    return digits > 0 && word[digits] == '\0';
}

static bool hex_digit(char digit, uint8_t *value)
{
    char lower = (char)(digit | 0x20);
    if (digit >= '0' && digit <= '9') {
        *value = (uint8_t)(digit - '0');
        return true;
    }
    *value = (uint8_t)(lower - 'a' + 10);
    return lower >= 'a' && lower <= 'f';
}

bool command_hex(const char *digits, uint8_t *value)
{
    uint8_t high, low;
    if (!hex_digit(digits[0], &high) || !hex_digit(digits[1], &low)) {
        return false;
    }
    *value = (uint8_t)(high << 4 | low);
    return true;
}
