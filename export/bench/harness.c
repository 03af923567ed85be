// Runs a compiled model on pseudo-random inputs in QEMU and writes every output byte to a file. Built by
// export/bench/build.py together with model.c; it needs no peripheral, only semihosting, so it boots on every Cortex-M.
//
// The inputs are the bytes of xorshift32 (Marsaglia 2003, triple 13, 17, 5) from seed BENCH_SEED, as in bench/inputs.py.
// bench_mark is called before each inference and after each operator: the counting plugin takes its totals there.
#include "model.h"
#include <stdint.h>

extern uint32_t _stack_top, _data_load, _data_start, _data_end, _bss_start, _bss_end;

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_EXIT = 0x18 }; // Arm semihosting specification
enum { OPEN_WRITE_BINARY = 5, STOPPED_BY_APPLICATION = 0x20026, STOPPED_BY_ERROR = 0x20024 };

static int32_t semihost(uint32_t operation, const void *block) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static void leave(uint32_t reason) {
    for (;;) (void)semihost(SYS_EXIT, (const void *)(uintptr_t)reason);
}

__attribute__((noinline)) void bench_mark(void) { __asm__ volatile("" ::: "memory"); }

static uint32_t state = BENCH_SEED;

static void fill(uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (uint8_t)state;
    }
}

static void write(int32_t file, const void *bytes, uint32_t count) {
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)bytes, count};
    if (semihost(SYS_WRITE, block) != 0) leave(STOPPED_BY_ERROR);
}

static void bench(void) {
    static const char name[] = "outputs.bin";
    static const uint32_t input_bytes[] = {BENCH_INPUT_BYTES}, output_bytes[] = {BENCH_OUTPUT_BYTES};
    const uintptr_t opening[3] = {(uintptr_t)name, OPEN_WRITE_BINARY, sizeof name - 1};
    const int32_t file = semihost(SYS_OPEN, opening);
    if (file < 0) leave(STOPPED_BY_ERROR);
    for (uint32_t run = 0; run < BENCH_RUNS; run++) {
        for (uint32_t i = 0; i < MODEL_INPUTS; i++) fill(model_input(i), input_bytes[i]);
        bench_mark();
        model_invoke();
        for (uint32_t i = 0; i < MODEL_OUTPUTS; i++) write(file, model_output(i), output_bytes[i]);
    }
    const uintptr_t closing[1] = {(uintptr_t)file};
    (void)semihost(SYS_CLOSE, closing);
    leave(STOPPED_BY_APPLICATION);
}

void Reset_Handler(void) {
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; // CPACR: full access to the FPU (Armv7-M ARM, B3.2.20)
#endif
    for (uint32_t *to = &_data_start, *from = &_data_load; to < &_data_end;) *to++ = *from++;
    for (uint32_t *to = &_bss_start; to < &_bss_end;) *to++ = 0;
    bench();
}

static void fault(void) { leave(STOPPED_BY_ERROR); }

__attribute__((section(".vectors"), used)) void (*const bench_vectors[16])(void) = {
    (void (*)(void))&_stack_top, Reset_Handler, fault, fault, fault, fault, fault};
