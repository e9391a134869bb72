/* The tracee's side of ptrace: where a thread stops and what it does there. Called by the thread itself
 * at instruction boundaries. */
#ifndef XRUN_RUNTIME_PTRACE_H
#define XRUN_RUNTIME_PTRACE_H

#include "core/breaks.h"
#include "runtime/runtime.h"
#include "syscalls/trace.h"

/* signal_deliver calls it: looks who wants something of the thread, stops if so. */
void ptrace_attend(struct thread *t);
/* The thread begins or ends to be traced: all signals must come to xrun. */
void ptrace_begun(struct thread *t);
/* A signal is about to be delivered: which one is, 0 none. It may be another one in *info. */
int ptrace_signal(struct thread *t, siginfo_t *info);
/* The default action of `sig` stops the process. */
void ptrace_group_stop(struct thread *t, int sig);
/* A handler is about to run while the thread is single-stepped. */
void ptrace_handler_set_up(struct thread *t);
/* The thread has come to a breakpoint, or its last instruction triggered the watchpoint. */
void ptrace_breakpoint(struct thread *t);
void ptrace_watch_hit(struct thread *t, const struct watch *w);
/* Of breaks_set(). */
void ptrace_break_changed(gaddr at);
/* Does the tracer want the step over `in` to go on with what follows? */
bool ptrace_steps_on(const struct thread *t, const struct insn *in);
/* Before and after a system call; false: it is not to be made. */
bool ptrace_call_entry(struct thread *t);
void ptrace_call_exit(struct thread *t);
/* The verdict of a seccomp filter; false: nobody is asked. *made as above. */
bool ptrace_seccomp(struct thread *t, uint32_t data, bool *made);
/* clone with what the tracer wants of children. */
int64_t ptrace_clone(struct thread *t, const struct clone_request *rq);
/* In the child of a fork. */
void ptrace_forked(struct thread *t);
/* Over execve: a descriptor for the new xrun, -1 if none is needed; and there. */
int ptrace_exec_save(struct thread *t);
void ptrace_exec_load(struct thread *t, int fd);
void ptrace_exec_done(struct thread *t);
/* The thread, or with `all` the process, ends with this wait status. */
void ptrace_exiting(struct thread *t, int status, bool all);

/* ptraceregs.c */
void ptrace_get_regs(const struct thread *t, uint32_t r[REGI_COUNT]);
int ptrace_set_reg(struct thread *t, unsigned i, uint32_t v);
int ptrace_set_regs(struct thread *t, const uint32_t *r, unsigned n);
void ptrace_get_fp(const struct thread *t, uint8_t *out, bool fx);
int ptrace_set_fp(struct thread *t, const uint8_t *in, unsigned n, bool fx);
void ptrace_get_tls(const struct thread *t, struct guest_user_desc d[TLS_ENTRIES]);
int ptrace_set_tls(struct thread *t, const struct guest_user_desc *d, unsigned n);

/* ptracepending.c: the pending signals of the thread, or with `shared` of the process, but for the first
 * `skip`, to `to`, which has `room`; how many. All signals are blocked meanwhile. */
int ptrace_pending(struct thread *t, uint32_t skip, bool shared, siginfo_t *to, uint32_t room);

#endif
