/* The application that MLPerf Tiny's runner measures: it speaks the runner's serial protocol, and nothing else.
 *
 *     name              m-name-dut-[BOARD]
 *     profile           m-profile-[...], m-model-[kws01] ...
 *     timestamp         m-lap-us-N
 *     db, infer, results   db.h, infer.h
 *     help              a line for each command
 *
 * Requests end with '%', answers are lines, and the answer to each request, also to one that is not understood, ends
 * with m-ready. The protocol's facts are those of benchmark/api and benchmark/runner of
 * https://github.com/mlcommons/tiny (read at commit 1afd2c9); the code is ours. A command is one line in `commands`. */
#include <string.h>

#include "board.h"
#include "clock.h"
#include "command.h"
#include "cortex_m.h"
#include "db.h"
#include "infer.h"
#include "model_mlperf.h"
#include "reply.h"
#include "ticks.h"
#include "timestamp.h"
#include "uart.h"

/* EE_FW_VERSION of internally_implemented.h: by it the runner knows the protocol. */
#define PROFILE "ULPMark for tinyML Firmware V0.0.1"

static void name(const struct command *command)
{
    (void)command;
    reply_line("m-name-dut-[" BOARD_NAME "]");
}

static void profile(const struct command *command)
{
    (void)command;
    reply_line("m-profile-[" PROFILE "]");
    reply_line("m-model-[" MODEL_MLPERF_ID "]");
}

static void lap(const struct command *command)
{
    (void)command;
    timestamp();
}

static void help(const struct command *command);

static const struct {
    const char *word;
    void (*serve)(const struct command *command);
    const char *help;
} commands[] = {
    {"help", help, "help           these lines"},
    {"name", name, "name           the board"},
    {"profile", profile, "profile        the protocol, and the benchmark of this image"},
    {"timestamp", lap, "timestamp      microseconds since the start"},
    {"db", db_serve, "db load N      a sample of N bytes follows; db HH[HH]*  bytes of it; db print  what there is"},
    {"infer", infer_serve, "infer [N [W]]  W inferences to warm up, then N that are timed (1 and 10)"},
    {"results", infer_results, "results        of the last inference"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(const struct command *command)
{
    (void)command;
    for (size_t i = 0; i < COMMANDS; i++) {
        reply_line(commands[i].help);
    }
}

static void serve(const struct command *command)
{
    const char *word = command->words[0];
    for (size_t i = 0; word != NULL && i < COMMANDS; i++) {
        if (strcmp(word, commands[i].word) == 0) {
            commands[i].serve(command);
            return;
        }
    }
    if (word != NULL) { /* '%' alone is how a runner flushes what was begun */
        reply("e-[Unknown command: ");
        reply(word);
        reply_line("]");
    }
}

static void receive(struct command *command, uint8_t byte)
{
    enum command_status status = command_push(command, byte);
    if (status == COMMAND_PART) {
        return;
    }
    if (status == COMMAND_WHOLE) {
        serve(command);
    } else {
        reply_line("e-[Command too long]");
    }
    reply_line("m-ready");
}

static void idle(void)
{
    interrupts_disable();
    if (uart_idle()) {
        wait_for_interrupt();
    }
    interrupts_enable();
}

int main(void)
{
    static struct command command;
    struct clock clock = clock_start();
    ticks_start();
    uart_start(clock.fallback);
    timestamp_start(clock.hz);
    reply_line("m-timestamp-mode-performance");
    timestamp();
    infer_start();
    reply_line("m-init-done");
    reply_line("m-ready");
    for (;;) {
        uint8_t byte;
        if (uart_read(&byte)) {
            receive(&command, byte);
        } else {
            idle();
        }
    }
}
