/* A program that runs natively under ptrace, one instruction at a time: lockstep's other side.
 * Used by one thread of xrun. What depends on the host is in runtime/HOST/native.c. */
#ifndef XRUN_RUNTIME_NATIVE_H
#define XRUN_RUNTIME_NATIVE_H

#include "core/cpu.h"

struct native {
    int pid;
    int mem_fd, pagemap_fd; /* of /proc/PID; -1: not open */
    int status;             /* of the last wait */
};

enum native_kind {
    NATIVE_STEPPED, /* SIGTRAP: the step is done (or, as native_siginfo tells, another SIGTRAP) */
    NATIVE_SIGNAL,  /* about to get a signal: the instruction faulted or has not begun */
    NATIVE_EXEC,    /* inside execve, the new program is in place; step once more to reach it */
    NATIVE_EXITED,
    NATIVE_KILLED,
};
struct native_event {
    enum native_kind kind;
    int sig;    /* of SIGNAL and KILLED */
    int code;   /* si_code of SIGNAL */
    gaddr addr; /* si_addr of SIGNAL */
    int status; /* of EXITED */
};

/* Starts a program and stops it before its first instruction. NULL, or why that is impossible;
 * then *code is the exit status that fits (126 or 127). */
const char *native_start(struct native *n, const char *path, char **argv, char **envp, int *code);
/* Opens /proc/PID/... again: after execve the old descriptors show the old program. */
void native_reopen(struct native *n);
/* Lets it execute one instruction, after giving it signal `sig` (0: none). */
void native_step(struct native *n, int sig);
void native_wait(struct native *n, struct native_event *e);
/* Runs until it is about to execute the instruction at `to`, with a breakpoint there. */
void native_run_to(struct native *n, gaddr to, struct native_event *e);
/* Runs until it is about to execute the instruction at `to` for the `times`-th time, at most a few
 * seconds, without making any system call. False if it stopped otherwise: then it must be put back
 * to where it was. */
bool native_run_times(struct native *n, gaddr to, uint32_t times, struct native_event *e);
/* If it has stopped on its way into a system call: brings it out, the call is not made. */
void native_leave_syscall(struct native *n, struct native_event *e);
/* To be called after POPF and IRET have been stepped: the kernel then takes its own trap flag for
 * the program's (enable_single_step in arch/x86/kernel/step.c) and would leave it on for good. */
void native_settle_flags(struct native *n, struct native_event *e);
/* si_code of the signal it has stopped with. */
int native_siginfo(const struct native *n);
/* Takes SIGTRAP out of its blocked signals: a step while it is blocked would cost the program its
 * handler (force_sig in kernel/signal.c). To be called after everything that may block it. */
void native_unblock_trap(struct native *n);
/* Lets it run on alone and waits for its end. */
void native_detach(struct native *n, struct native_event *e);
void native_kill(struct native *n);

/* Copies of its memory; how many bytes from the start were there. */
size_t native_read(const struct native *n, gaddr a, void *buf, size_t len);
size_t native_write(const struct native *n, gaddr a, const void *buf, size_t len);

/* ---- host ---- */
/* Can this host execute i386 programs at all? (The kernel may still refuse.) */
bool host_native_possible(void);
/* Integer state into cpu: gpr, eip, eflags, sel[], seg_base of fs and gs. False: it is gone, or no
 * longer a 32-bit program. */
bool host_native_get(int pid, struct cpu *cpu);
/* x87, MMX, SSE state into cpu. */
bool host_native_get_fp(int pid, struct cpu *cpu);
/* Sets gpr and eip; clears TF. */
bool host_native_set(int pid, const struct cpu *cpu);
/* Sets status flags, DF and the floating-point state as well. */
bool host_native_restore(int pid, const struct cpu *cpu);
/* Sets the one execution breakpoint (a debug register); false if there is none. */
bool host_native_break(int pid, gaddr at);
/* Removes it. */
void host_native_no_break(int pid);

#endif
