/* One case of the instruction tests, shared between the driver (64-bit) and the native helper
 * (i386): state before, code, state after. All addresses are fixed in both processes. */
#ifndef XRUN_TESTS_INSN_CASE_H
#define XRUN_TESTS_INSN_CASE_H

#include <stdint.h>

#define CASE_DATA 0x10000000u /* three pages; the window is in the middle one */
#define CASE_WINDOW (CASE_DATA + 0x1800)
#define CASE_CODE 0x20000000u /* one page of int3 with the instruction in it */
#define CASE_EIP (CASE_CODE + 0x800)
enum { CASE_WINDOW_SIZE = 512, CASE_CODE_MAX = 16, CASE_BATCH = 2000 };

struct case_state {
    uint32_t gpr[8]; /* eax ecx edx ebx esp ebp esi edi */
    uint32_t eflags, eip;
    uint32_t trap, err, cr2; /* trap 3: ran to the int3 behind it */
    uint32_t pad[3];
    uint8_t fx[512] __attribute__((aligned(16)));
    uint8_t mem[CASE_WINDOW_SIZE];
};

struct test_case {
    struct case_state in, out;
    uint8_t code[CASE_CODE_MAX];
    uint32_t form, seed, len, pad;
};

#endif
