/* libFuzzer's target for the application for MLPerf Tiny's runner: any bytes to firmware/mlperf, and what it may say to
 * them.
 *
 *     clang -fsanitize=fuzzer,address,undefined -include simulated_board.h -I(board.h, model_mlperf.h) fuzz_mlperf.c
 *         ../../mlperf/(all).c
 *
 * The hardware and the engine are simulated. The input is what the runner sends. Built and run by
 * tests/firmware/test_mlperf.py, with a model of each kind of sample.
 *
 * What is required of the board:
 *     it speaks after a '%' and at no other time, and its answer ends with m-ready, which is in no other place;
 *     what it says is lines of printing characters that end with CR and LF, and but for `help`, messages (m-) and
 *     errors (e-[);
 *     the model runs only on a sample that is complete. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark.h"
#include "clock.h"
#include "engine.h"
#include "model_mlperf.h"
#include "require.h"
#include "ticks.h"
#include "uart.h"

#define LINE_KEPT 120u
#define ELEMENTS (MODEL_MLPERF_BYTES / (MODEL_MLPERF_INPUT == BENCHMARK_FLOATS ? sizeof(float) : sizeof(int8_t)))
#define INVOCATIONS_MAX 200u /* of one input: infer 999999999 would take longer than a fuzzer has */

int firmware_main(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends whatever the last input began, and empties db. */
static const char beginning[] = "%db load 1%";

static jmp_buf over;
static const uint8_t *input;
static size_t input_length, input_at;
static uint64_t clock_now;
static unsigned invocations;

static char line[LINE_KEPT + 1];
static size_t line_length;
static bool may_speak, helps;
static unsigned long announced; /* by m-[Expecting N bytes] */
static bool complete;           /* m-load-done has been said since */

static uint8_t codes[ELEMENTS], outputs[ELEMENTS];

/* --- what the board says --- */

static void said_line(void)
{
    line[line_length] = '\0';
    REQUIRE(may_speak);
    if (sscanf(line, "m-[Expecting %lu bytes]", &announced) == 1) {
        REQUIRE(announced > 0 && announced <= MODEL_MLPERF_BYTES);
        complete = false;
    } else if (strcmp(line, "m-load-done") == 0) {
        REQUIRE(!complete);
        complete = true;
    } else if (strcmp(line, "m-ready") == 0) {
        may_speak = helps = false;
    } else if (strncmp(line, "m-", 2) != 0 && strncmp(line, "e-[", 3) != 0) {
        helps = helps || strncmp(line, "help ", 5) == 0;
        REQUIRE(helps);
    }
}

enum uart_status uart_write(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            REQUIRE(line_length > 0 && line[line_length - 1] == '\r');
            line_length--;
            said_line();
            line_length = 0;
        } else {
            REQUIRE(line_length == 0 || line[line_length - 1] != '\r');
            REQUIRE(bytes[i] == '\r' || (bytes[i] >= ' ' && bytes[i] <= '~'));
            /* db and results have lines as long as the sample and the vector; only their beginning is looked at */
            line_length = line_length < LINE_KEPT ? line_length + 1 : LINE_KEPT;
            line[line_length - 1] = (char)bytes[i];
        }
    }
    return UART_OK;
}

/* --- the hardware --- */

bool uart_read(uint8_t *byte)
{
    if (input_at == sizeof beginning - 1 + input_length) {
        return false;
    }
    REQUIRE(!may_speak && line_length == 0); /* all that was asked is answered */
    *byte = input_at < sizeof beginning - 1 ? (uint8_t)beginning[input_at] : input[input_at - (sizeof beginning - 1)];
    input_at++;
    may_speak = *byte == '%';
    return true;
}

bool uart_idle(void)
{
    return true;
}

void wait_for_interrupt(void)
{
    longjmp(over, 1);
}

void uart_start(bool fallback)
{
    (void)fallback;
}

struct clock clock_start(void)
{
    return (struct clock){.hz = 16000000, .fallback = true};
}

void ticks_start(void)
{
}

uint64_t ticks_now(void)
{
    return clock_now += UINT32_MAX; /* minutes, so that microseconds leave 32 bits */
}

/* --- the model --- */

enum engine_status engine_init(void)
{
    return ENGINE_OK;
}

uint8_t *engine_input(size_t index)
{
    REQUIRE(index == 0);
    return codes;
}

size_t engine_input_bytes(size_t index)
{
    REQUIRE(index == 0);
    return sizeof codes;
}

enum engine_status engine_invoke(void)
{
    REQUIRE(complete && announced == MODEL_MLPERF_BYTES);
    if (++invocations > INVOCATIONS_MAX) {
        line_length = 0;
        longjmp(over, 1);
    }
    memcpy(outputs, codes, sizeof outputs);
    return codes[0] == 0x55 ? ENGINE_FAILED : ENGINE_OK;
}

const uint8_t *engine_output(size_t index)
{
    REQUIRE(index == 0);
    return outputs;
}

size_t engine_output_bytes(size_t index)
{
    REQUIRE(index == 0);
    return sizeof outputs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_length = size;
    input_at = 0;
    invocations = 0;
    may_speak = true; /* what it says when it starts */
    complete = false;
    if (setjmp(over) == 0) {
        (void)firmware_main();
    }
    return 0;
}
