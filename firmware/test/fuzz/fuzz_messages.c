/* libFuzzer's target for messages.h: any payload decoded as any message, and encoded again.
 *
 *     clang -fsanitize=fuzzer,address,undefined -I(messages.h) fuzz_messages.c           what libFuzzer calls
 *     clang -DPRINT -fsanitize=address,undefined ...                                     a program: fuzz_messages FILE...
 *
 * The first byte is the message's type, the rest its payload. With PRINT it shows for each file what is encoded again,
 * in hexadecimal, or "refused", for comparison with host/messages. codecs.h, a list FUZZED(MESSAGE) of those with
 * fields, is rendered by tests/host/test_fuzz.py, which builds and runs this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs.h"
#include "messages.h"
#include "require.h"

/* What is decoded is encoded into as many bytes, and into no fewer. */
#define MESSAGE(lower, upper)                                                                                          \
    case MESSAGE_##upper: {                                                                                            \
        struct message_##lower message;                                                                                \
        if (message_##lower##_decode(&message, payload, size) != MESSAGE_OK) {                                         \
            return false;                                                                                              \
        }                                                                                                              \
        REQUIRE(message_##lower##_encode(&message, again, size, length) == MESSAGE_OK);                                \
        if (size > 0) {                                                                                                \
            size_t unused;                                                                                             \
            uint8_t shorter[FRAME_PAYLOAD_MAX];                                                                        \
            REQUIRE(message_##lower##_encode(&message, shorter, size - 1, &unused) == MESSAGE_NO_ROOM);                \
        }                                                                                                              \
        return true;                                                                                                   \
    }

/* Decode `payload` as a message of `type` and encode that into `again`. False if it is none. */
static bool through(uint8_t type, const uint8_t *payload, size_t size, uint8_t *again, size_t *length)
{
    switch (type) {
        FUZZED(MESSAGE)
    default:
        return false;
    }
}

/* `data` without its first byte in a block of its own, so that the address sanitizer sees the first byte beyond it. */
static bool take(const uint8_t *data, size_t size, uint8_t *again, size_t *length)
{
    if (size == 0 || size - 1 > FRAME_PAYLOAD_MAX) {
        return false;
    }
    uint8_t *payload = malloc(size);
    REQUIRE(payload != NULL);
    memcpy(payload + 1, data + 1, size - 1);
    bool is_message = through(data[0], payload + 1, size - 1, again, length);
    if (is_message) {
        REQUIRE(*length == size - 1 && memcmp(again, payload + 1, *length) == 0);
    }
    free(payload);
    return is_message;
}

#ifdef PRINT

int main(int arguments, char **paths)
{
    for (int i = 1; i < arguments; i++) {
        uint8_t data[1 + FRAME_PAYLOAD_MAX + 1];
        uint8_t again[FRAME_PAYLOAD_MAX];
        FILE *file = fopen(paths[i], "rb");
        if (file == NULL) {
            perror(paths[i]);
            return 2;
        }
        size_t length = 0;
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        if (take(data, size, again, &length)) {
            for (size_t at = 0; at < length; at++) {
                printf("%02x", again[at]);
            }
            putchar('\n');
        } else {
            puts("refused");
        }
    }
    return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[FRAME_PAYLOAD_MAX];
    size_t length = 0;
    (void)take(data, size, again, &length);
    return 0;
}

#endif
