/* Translated code as the signal handlers see it. Everything here is async-signal-safe. */
#ifndef XRUN_RUNTIME_CODE_H
#define XRUN_RUNTIME_CODE_H

#include "core/thread.h"
#include "decode/insn.h"

/* Is this host address inside translated code (not the shared stubs)? */
bool code_contains(uintptr_t pc);
/* The guest instruction whose code holds `pc`; NULL in stubs between instructions. */
struct code_place {
    const struct insn *in;
    bool boundary; /* the guest's state is exactly that before the instruction at `eip` */
    gaddr eip;
    int adjust;    /* for translate_settle(), to make it so; 0: nothing to do */
};
struct code_place code_insn(uintptr_t pc);
/* The status flags before the instruction at eip of the unit that holds pc -> cpu, if they follow from cpu's
 * general registers; false: they are what code has. */
bool code_flags(uintptr_t pc, gaddr eip, struct cpu *cpu);

/* Between any two instructions of code some of those that will be overwritten may be missing. */
bool code_lacks_flags(void);

/* Does code keep cpu->insn_count? */
bool code_counts(void);
/* The instruction cpu->cur was interrupted by a fault in its function, the interpreter's: finds the flags that code
 * has left out; counts those of its block that were executed, if instructions are counted. */
void code_interrupted(struct cpu *cpu);

/* The thread stops (by a trap, with which signal.c deals) at the next complete boundary after
 * `pc`, which is in translated code. For hosts that cannot step. */
void code_trap(struct thread *t, uintptr_t pc);
/* It has left translated code. */
void code_untrap(struct thread *t);
/* There was a trap at pc, but it is gone. */
bool code_trap_is_gone(uintptr_t pc);

/* A host thread gets what translated code needs: a stack of host return addresses, and an alternate
 * signal stack for the calling host thread. */
void code_thread_add(struct thread *t);
void code_thread_remove(struct thread *t);
void code_thread_start(struct thread *t);
/* The host address is in the guard below the thread's stack of return addresses. */
bool code_stack_guard(const struct thread *t, uintptr_t addr);

#endif
