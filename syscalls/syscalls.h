/* The i386 system-call interface, at kernel level. table.def has one row per number; dispatch,
 * --strace, --syscalls and the generated documentation come from it. Handlers never touch guest
 * registers: they get the six arguments and return what goes into eax. */
#ifndef XRUN_SYSCALLS_SYSCALLS_H
#define XRUN_SYSCALLS_SYSCALLS_H

#include <sys/types.h>

#include "core/log.h"
#include "core/thread.h"

struct sysctx {
    struct thread *t;
    uint32_t nr;
    uint32_t a[6]; /* ebx ecx edx esi edi ebp */
};

/* A result: 0..0xffffffff as a value, -4095..-1 a negative i386 errno, or one of: */
enum {
    SYSRET_RESTART = -512,       /* interrupted: restart if SA_RESTART says so, else EINTR */
    SYSRET_RESTART_NOINTR = -513,/* always restart */
    SYSRET_RESTART_NOHAND = -514,/* restart if no handler runs, else EINTR */
    SYSRET_RESTART_BLOCK = -516, /* go on by restart_syscall if no handler runs, else EINTR */
};
static inline bool sysret_restarts(int64_t r)
{
    return (r <= SYSRET_RESTART && r >= SYSRET_RESTART_NOHAND) || r == SYSRET_RESTART_BLOCK;
}
#define SYSRET_DONE INT64_C(0x100000000) /* the handler has set the registers itself (sigreturn) */

typedef int64_t (*sys_fn)(struct sysctx *c);

enum sys_level { SYS_EXACT, SYS_APPROX, SYS_REFUSED };

struct sys_row {
    const char *name;  /* NULL: no such number */
    sys_fn fn;         /* NULL: -ENOSYS */
    const char *args;  /* one letter per argument, see table.def */
    uint8_t level;     /* enum sys_level */
    const char *note;  /* what is approximated or why refused; NULL if exact */
};
extern const struct sys_row syscalls_table[];
extern const unsigned syscalls_count;

/* Number and arguments from the registers of c->t. */
void sysctx_load(struct sysctx *c);
/* Executes system call c->nr. An unknown number gives -ENOSYS and one log line. */
int64_t syscalls_dispatch(struct sysctx *c);
/* --syscalls: prints number, name, level and note of every row. */
void syscalls_print_table(void);

/* Thread exit: marks the robust futexes that `t` owns as FUTEX_OWNER_DIED and wakes a waiter
 * (kernel/futex/core.c compat_exit_robust_list). */
void futex_exit_robust(struct thread *t);
/* The personality of this process of the host; 0 if it cannot be told. And what it shall be for a
 * guest with `persona`: all of it for a program of the host's that is executed now, else without
 * what would change xrun itself. */
uint32_t process_host_personality(void);
void process_pass_personality(uint32_t persona, bool all);

/* set_thread_area on thread `t` (not necessarily the caller): installs the descriptor in entry
 * d->entry_number and reloads segment registers that use it. 0 or -EINVAL. */
int tls_set_entry(struct thread *t, const struct guest_user_desc *d);

/* prctl(PR_SET_SYSCALL_USER_DISPATCH) for thread `t`. 0 or -EINVAL. */
int user_dispatch_set(struct thread *t, uint64_t mode, uint64_t start, uint64_t len,
                      uint64_t selector);

/* seccomp.c. A new thread `t` has what `parent` has; gives up what a thread had. */
void seccomp_inherit(struct thread *t, const struct thread *parent);
void seccomp_drop(struct thread *t);
/* For execve: the filters in a file without a name, a descriptor that the new xrun gets, -1 if there are
 * none; and back, closing it. */
int seccomp_save(struct thread *t);
void seccomp_load(struct thread *t, int fd);
/* For /proc: how many filters. */
unsigned seccomp_count(const struct thread *t);
/* Of the nth filter, what fits from instruction `from` on; its length or -errno. */
struct seccomp_part;
int seccomp_describe(const struct thread *t, uint32_t nth, uint32_t from, struct seccomp_part *out);

/* Loads the segment registers of `t`, the caller, again after the LDT has changed. False: the return to the
 * program faults, as cpu->trap says. */
bool ldt_refresh(struct thread *t);

/* Virtual files of /proc: a descriptor, or -1 if `path` is not one. */
int64_t proc_open(struct thread *t, int dirfd, const char *path, int host_flags);
/* The text of a /proc link that must show the guest; length or -1. */
int proc_readlink(struct thread *t, int dirfd, const char *path, char *buf, size_t size);
/* The start of a file of the host's, as text that fits `buf`. Its length, 0 or -1 if there is none. */
ssize_t proc_read(const char *path, char *buf, size_t size);

/* --strace: a line per call, in strace's format, to the log file; only with opt.strace. `since` is
 * what strace_clock() said before the call. */
void strace_enter(const struct sysctx *c);
void strace_exit(const struct sysctx *c, int64_t result, uint64_t since);
uint64_t strace_clock(void);
/* A signal of a process to itself may look like a fault, which xrun's host handler must not take it
 * for. And back where one has come (core/thread.h). */
void signal_disguise(siginfo_t *info, uint32_t sig);
void signal_undisguise(siginfo_t *info);
bool signal_disguised(int code, int err);
/* Queues what had come for the process once more; false if there is no room. Async-signal-safe. */
bool signal_to_process(siginfo_t info);
void strace_signal(const struct thread *t, int sig, const siginfo_t *info);
void strace_stopped(const struct thread *t, int sig);
/* A thread ends; by a signal: all of its process. Also counted for the session. */
void strace_exited(const struct thread *t, int status);
void strace_killed(const struct thread *t, int sig, bool core);
/* A program begins: main() has loaded it. */
void strace_program(const struct thread *t, const char *path, char **argv, char **envp);
/* --abi-report: notes what the call, which gave `ret`, says about the program. */
void report_call(const struct sysctx *c, int64_t ret);
/* The kinds of calls whose values are narrower than today's ("32-bit time"...): the kind of call `nr`, or NULL. */
const char *report_narrow(unsigned nr);
/* Notes that a value did not fit the guest's structures; with --abi-report. */
void report_loss(const char *fmt, ...) PRINTF(1, 2);
/* An ioctl's name, NULL if it has none here; what becomes of its argument. */
const char *ioctl_name(uint32_t request);
const char *ioctl_how(uint32_t request);

/* -c: the table of what was counted. */
void strace_summary(void);
/* Does the set of --strace consist of names that mean something? If not *bad is where not. */
bool strace_check_set(const char **bad);

#endif
