/* The debug registers of guest threads, which only tracers set (PTRACE_POKEUSER) and which stay when they have
 * gone. Called by the thread itself, at instruction boundaries. */
#ifndef XRUN_RUNTIME_DEBUGREG_H
#define XRUN_RUNTIME_DEBUGREG_H

#include "core/thread.h"
#include "decode/insn.h"

/* Register n, 0-7, as a tracer sees it; sets it: 0 or -errno, as Linux's ptrace_set_debugreg. */
uint32_t debugreg_get(const struct thread *t, unsigned n);
int debugreg_set(struct thread *t, unsigned n, uint32_t v);
/* In the child of a fork: its breakpoints are the parent's only. */
void debugreg_forget(struct thread *t);
/* The thread has ended: called by any other or itself. */
void debugreg_end(struct thread *t);

/* Which breakpoints are at eip; none if EFLAGS.RF is set. */
unsigned debugreg_at_eip(const struct thread *t);
/* Which the instruction is about to trigger with its accesses; *one: it repeats, and must do one step at a time. */
unsigned debugreg_accessed(const struct thread *t, const struct insn *in, bool *one);
/* #DB is raised: the si_code of SIGTRAP. `by_insn`: by INT1. */
int debugreg_raise(struct thread *t, bool by_insn);

#endif
