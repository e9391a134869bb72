/* --lockstep: every instruction is executed twice, by xrun and by a reference, and the first
 * difference is printed. Today the reference is the same program run natively under ptrace; the
 * comparison and the report work on two struct cpu, whoever filled them. */
#ifndef XRUN_RUNTIME_LOCKSTEP_H
#define XRUN_RUNTIME_LOCKSTEP_H

#include "core/thread.h"

enum { LOCKSTEP_DIFFERENT = 125 /* exit status when a difference was found */ };

/* Runs `path` with both; ends with the program's exit status. Called instead of elfload_load and
 * dispatch_run, with an empty guest space. Does not return. */
_Noreturn void lockstep_run(struct thread *t, const char *path, char **argv, char **envp);

/* --lockstep-code: enters the translated code of the block that begins with `first`, has the interpreter
 * do the same, and ends xrun if the results differ. What comes next is in the cpu as after any
 * other run. */
void lockstep_code_run(struct thread *t, const struct insn *first);
void lockstep_code_print(void);

/* What differs between two states; bit i for register i. */
struct lockstep_diff {
    uint32_t eflags;
    uint16_t gpr; /* bit 8: eip */
    uint8_t sel, base;
    uint8_t st, xmm, ymmh, zmmh, k;
    bool fpu_control; /* cw, sw, tags */
    bool mxcsr;
};

/* Compares the integer state, and with `fp` x87, MMX, SSE (but the x87 instruction and data
 * pointers, which processors keep differently); of eflags the bits in `flags`. True if equal. */
bool lockstep_compare(const struct cpu *a, const struct cpu *b, uint32_t flags, bool fp,
                      struct lockstep_diff *d);
/* Prints a table of the registers before and after, with the differing ones marked; the floating
 * point registers only where they differ. */
void lockstep_print(const struct cpu *before, const char *name_a, const struct cpu *a,
                    const char *name_b, const struct cpu *b, const struct lockstep_diff *d);

#endif
