// QEMU TCG plugin that counts executed instructions by address, exactly.
//
//   gcc -shared -fPIC -O2 -o count_plugin.so count_plugin.c
//   qemu-system-arm ... -plugin count_plugin.so,out=FILE,base=0x08000000,begin=0x...,end=0x...,mark=0x...
//
// Only addresses in begin .. end-1 count. Written at exit: a line "mark TOTAL" for every time the instruction at `mark` was
// reached, with the total so far, then a line "ADDRESS COUNT TAKEN" for every address that ran: how often, and how often
// something other than the next instruction followed (a taken branch).
// Debian's QEMU 7.2 has plugins but ships no qemu-plugin.h: what is used of its version 1 interface is declared here.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0, QEMU_PLUGIN_CB_NO_REGS = 0 };
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { MAX_MARKS = 1 << 16 };
static uint64_t begin, end, mark, total, marks[MAX_MARKS], mark_count, *counts, *taken;
static const char *out;

struct block { // of instructions that QEMU translates and runs together; only its last one can branch
    uint64_t start, last, end;
};
static const struct block *previous;

static bool inside(uint64_t address) { return address >= begin && address < end; }

static void at_block(unsigned cpu, void *data) {
    (void)cpu;
    const struct block *block = data;
    if (previous && previous->end != block->start && inside(previous->last)) taken[(previous->last - begin) / 2]++;
    previous = block;
}

static void at_mark(unsigned cpu, void *data) {
    (void)cpu, (void)data;
    if (mark_count < MAX_MARKS) marks[mark_count++] = total;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *translated) {
    (void)id;
    const size_t n = qemu_plugin_tb_n_insns(translated);
    struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(translated, n - 1);
    struct block *block = malloc(sizeof *block); // lives as long as the translation may run: to the end
    if (!block) abort();
    block->start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(translated, 0));
    block->last = qemu_plugin_insn_vaddr(last);
    block->end = block->last + qemu_plugin_insn_size(last);
    qemu_plugin_register_vcpu_tb_exec_cb(translated, at_block, QEMU_PLUGIN_CB_NO_REGS, block);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        if (address == mark) qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_mark, QEMU_PLUGIN_CB_NO_REGS, NULL);
        if (!inside(address)) continue;
        const int add = QEMU_PLUGIN_INLINE_ADD_U64;
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, add, &counts[(address - begin) / 2], 1);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, add, &total, 1);
    }
}

static void at_exit(qemu_plugin_id_t id, void *data) {
    (void)id, (void)data;
    FILE *file = fopen(out, "w");
    if (!file) return;
    for (uint64_t i = 0; i < mark_count; i++) fprintf(file, "mark %llu\n", (unsigned long long)marks[i]);
    for (uint64_t i = 0; i < (end - begin) / 2; i++)
        if (counts[i])
            fprintf(file, "%llx %llu %llu\n", (unsigned long long)(begin + 2 * i), (unsigned long long)counts[i],
                    (unsigned long long)taken[i]);
    fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                                              char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return -1;
        *value++ = 0;
        if (!strcmp(argv[i], "out")) out = strdup(value);
        if (!strcmp(argv[i], "begin")) begin = strtoull(value, NULL, 0);
        if (!strcmp(argv[i], "end")) end = strtoull(value, NULL, 0);
        if (!strcmp(argv[i], "mark")) mark = strtoull(value, NULL, 0);
    }
    if (!out || end <= begin) return -1;
    counts = calloc((end - begin) / 2, sizeof *counts);
    taken = calloc((end - begin) / 2, sizeof *taken);
    if (!counts || !taken) return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
