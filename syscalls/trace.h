/* ptrace between two xruns: a tracee stops itself at an instruction boundary and serves its tracer's
 * requests there, through a block of memory that both map. Tracers are in syscalls/ptrace.c and
 * syscalls/tracewait.c, tracees in runtime/ptrace.c; this is what they share.
 * Whoever starts the relation makes the block and tells the other by a signal that xrun never blocks
 * (a token, SIGTRAP); so does a tracee that has stopped. */
#ifndef XRUN_SYSCALLS_TRACE_H
#define XRUN_SYSCALLS_TRACE_H

#include <signal.h>

#include "core/thread.h"

enum trace_state {
    TRACE_RUNNING, TRACE_STOPPED,
    TRACE_GONE, /* ended, `code` is its wait status */
};

enum trace_kind { /* of a stop */
    TRACE_SIGNAL,     /* about to get the signal of `info` */
    TRACE_GROUP,      /* stopped by a signal's default action */
    TRACE_CALL_ENTRY, TRACE_CALL_EXIT,
    TRACE_SECCOMP,    /* PTRACE_EVENT_SECCOMP */
    TRACE_EVENT,      /* another PTRACE_EVENT_* */
};

enum trace_mode {
    TRACE_CONT, TRACE_SYSCALL, TRACE_STEP, TRACE_BLOCK, TRACE_SYSEMU, TRACE_SYSEMU_STEP,
};

enum trace_want { /* what it is to stop for at the next boundary */
    TRACE_WANT_SIGSTOP = 1,  /* as if SIGSTOP came, from `stop_from` */
    TRACE_WANT_INTERRUPT = 2,
    TRACE_WANT_GROUP = 4,    /* another thread stops the process by signal `group_sig` */
    TRACE_WANT_DETACH = 8,   /* the tracer is gone */
};

enum trace_request {
    TRACE_PEEK, TRACE_POKE, TRACE_GET_REGS, TRACE_SET_REG, TRACE_SET_REGS, TRACE_GET_FPREGS,
    TRACE_SET_FPREGS, TRACE_GET_FXREGS, TRACE_SET_FXREGS, TRACE_GET_XSTATE, TRACE_SET_XSTATE,
    TRACE_GET_TLS, TRACE_SET_TLS, TRACE_GET_SIGMASK, TRACE_SET_SIGMASK, TRACE_OPEN_PROC,
    TRACE_CLOSE, TRACE_RESUME, TRACE_DETACH,
    TRACE_LISTEN,
    TRACE_SET_BREAKS,  /* all breakpoints: `data` addresses */
    TRACE_SET_WATCHES, /* all watchpoints: `data` of struct watch */
    TRACE_GET_PENDING, TRACE_GET_DISPATCH, TRACE_SET_DISPATCH,
    TRACE_GET_THREADS, /* their ids, but for the first `addr`, as many as there is room for: how many */
    TRACE_GET_DEBUGREG, TRACE_SET_DEBUGREG, /* number `addr` */
    TRACE_GET_FILTER,  /* seccomp filter `addr`, from instruction `data` on: struct seccomp_part */
};

enum trace_reason { TRACE_NO_REASON, TRACE_AT_BREAKPOINT, TRACE_AT_WATCHPOINT };

/* struct user_regs_struct of i386. */
enum { REGI_EBX, REGI_ECX, REGI_EDX, REGI_ESI, REGI_EDI, REGI_EBP, REGI_EAX, REGI_DS, REGI_ES,
       REGI_FS, REGI_GS, REGI_ORIG_EAX, REGI_EIP, REGI_CS, REGI_EFLAGS, REGI_ESP, REGI_SS,
       REGI_COUNT };

enum { TRACE_DATA = 4096 };

/* Of a seccomp filter; an instruction is a struct sock_filter. */
struct seccomp_part { uint32_t log, n; uint64_t insn[TRACE_DATA / 8 - 1]; };

struct trace_block {
    uint32_t magic;
    uint32_t accepted;               /* futex: 1, or a negative errno, by who was told */
    int pid, tid;                    /* the tracee */
    int tracer_pid, tracer_tid;
    uint32_t options;                /* PTRACE_O_* */
    uint32_t seized;
    uint32_t offered;                /* by the tracee: the tracer must be allowed to trace it */
    uint32_t want;                   /* TRACE_WANT_*, atomic */
    uint32_t mode;                   /* enum trace_mode */
    uint32_t in_call;                /* between the stops at entry and exit of a system call */
    uint32_t memory_open;            /* the tracer may write it through /proc */
    int group_sig, former_tid;       /* former_tid: before execve */
    uint32_t group_stopped;          /* by a signal's default action, no SIGCONT since */
    siginfo_t stop_from;
    uint32_t range_start, range_end; /* stepping goes on there */
    uint32_t over;                   /* the first instruction even if there is a breakpoint */

    uint32_t state;                  /* atomic; what follows describes a stop */
    uint32_t kind, code;             /* enum trace_kind; wait status >> 8 */
    uint32_t listening;
    uint32_t has_info;
    uint32_t reason, watched;        /* enum trace_reason; address of the watchpoint */
    uint64_t message;
    siginfo_t info;
    uint32_t reported, notified;     /* the tracer's own: by wait, by SIGCHLD */

    uint32_t ask, answered;          /* futexes: number of the request, of the last one served */
    uint32_t request, addr, data;
    int32_t result;
    uint8_t buf[TRACE_DATA];
};

/* A new block with its descriptor, which is out of the guest's way; NULL if there is no memory. */
struct trace_block *trace_block_new(int *fd);
/* The block that `pid` knows by its descriptor `fd`. NULL if it is none. */
struct trace_block *trace_block_open(int pid, int fd);
struct trace_block *trace_block_map(int fd);
void trace_block_unmap(struct trace_block *b);

enum trace_token { TRACE_LOOK = 1, TRACE_ADOPT, TRACE_ATTACH };
/* Sends a token to a thread; `fd` is that of a block, for all but TRACE_LOOK. 0 or -errno. */
int trace_send(int pid, int tid, enum trace_token what, int fd);
/* Is it one? It is kept for trace_take. Async-signal-safe. */
bool trace_is_token(const siginfo_t *info);
/* SIGCONT with which a tracer undoes a SIGSTOP that its tracee was not to see. */
bool trace_is_continue(const siginfo_t *info);
int trace_send_continue(int pid);
/* A token of this kind that came for process `pid`, or thread `tid` if not 0: the sender and its
 * descriptor. False if there is none. */
bool trace_take(enum trace_token what, int pid, int tid, int *from, int *fd);
/* Tells `pid` of the block and waits until it has accepted. 0 or -errno. */
int trace_introduce(struct trace_block *b, int fd, enum trace_token what, int pid, int tid);
void trace_accept(struct trace_block *b, int result);

/* Waits until *word is no longer `old`, for `ms` at most. */
void trace_futex_wait(uint32_t *word, uint32_t old, int ms);
void trace_futex_wake(uint32_t *word);
/* Sleeps for less than a millisecond. */
void trace_pause(void);
/* The letter by which /proc tells what the thread does; 0: it is gone, '?': unknown. */
char trace_state(int pid, int tid);
/* Does it still run, is no zombie? */
bool trace_alive(int pid, int tid);
/* Is the process an xrun like this one? */
bool trace_same_program(int pid);

/* ptrace.c: the tracer's side. */
/* Takes in new tracees, tells the program of stops (SIGCHLD) and its other threads. */
void tracer_attend(struct thread *t);
/* Tells the tracer of the block of thread `t`, or of what it is to execute. 0 or -errno. */
int tracer_inform(const struct thread *t, struct trace_block *b, int fd);
/* The process ends: its tracees go on without it or end as well. */
void tracer_ends(struct thread *t);
/* In the child of a fork, which traces nobody. */
void tracer_forked(void);
/* Has the process tracees? */
bool tracer_active(const struct thread *t);
/* A SIGSTOP that a program sends to a tracee of its own; false if it is for the host. */
bool tracer_stops(struct thread *t, int pid, int tid, int code);
/* Enters a tracee that its tracer, process `tracer`, has just made or attached to. */
void tracer_adopt(struct trace_block *b, int tracer);
/* PTRACE_SEIZE by thread `t`. 0 or -errno. */
int tracer_attach(struct thread *t, int tid, uint32_t options);
/* Has a stopped tracee serve a request; its result, -ESRCH if it is gone. */
int64_t tracer_ask(struct trace_block *b, enum trace_request what, uint32_t addr, uint32_t data);
/* Opens what /proc/PID/NAME is for a stopped tracee; reads its link exe. -1: not one. */
int64_t tracer_open_proc(const char *path, int host_flags);
int tracer_read_exe(const char *path, char *buf, size_t size);

/* tracewait.c: the wait calls of a process that has tracees. Result as of waitid(2) in *info, `usage`
 * a struct rusage. Returns the id of the process or thread, 0, -errno or SYSRET_RESTART. */
struct rusage;
int64_t tracer_wait(struct thread *t, int idtype, int id, int options, siginfo_t *info,
                    struct rusage *usage);
/* What the status of wait4(2) is for this. */
int trace_wait_status(const siginfo_t *info);

/* The list of tracees, under its lock; shared by ptrace.c and tracewait.c. */
struct tracee {
    struct trace_block *b;
    struct tracee *next;
    int tracer;   /* process */
    bool child;   /* of the tracer: the host's wait reports its end */
    bool thread;  /* not the first one of its process */
};
extern struct tracee *tracees;
extern struct lock tracees_lock;
void tracee_drop(struct tracee *x); /* with the lock */

#endif
