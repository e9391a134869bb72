/* A guest thread and the guest process: everything the kernel would keep about them that is not
 * in core/cpu.h. A thread belongs to one host thread. Process state has one lock unless said
 * otherwise. vfork children borrow the parent's process and a copied thread. */
#ifndef XRUN_CORE_THREAD_H
#define XRUN_CORE_THREAD_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include "core/cpu.h"
#include "core/lock.h"

struct thread;

enum { NSIG_GUEST = 64, TLS_ENTRIES = 3, TLS_FIRST_ENTRY = 12, LDT_ENTRIES_MAX = 8192 };

/* struct user_desc of asm/ldt.h, the same on every architecture (16 bytes). */
struct guest_user_desc {
    uint32_t entry_number, base_addr, limit;
    uint32_t flags; /* bits: 0 seg_32bit, 1-2 contents, 3 read_exec_only, 4 limit_in_pages,
                     * 5 seg_not_present, 6 useable */
};

enum { USER_DESC_32BIT = 1, USER_DESC_CONTENTS = 6, USER_DESC_READ_ONLY = 8, USER_DESC_PAGES = 16,
       USER_DESC_NOT_PRESENT = 32, USER_DESC_USEABLE = 64 };
/* A raw descriptor in that form; entry_number is left alone. */
void cpu_unpack_desc(uint64_t v, struct guest_user_desc *d);

struct guest_sigaction {
    uint32_t handler;  /* 0 SIG_DFL, 1 SIG_IGN */
    uint32_t flags;    /* SA_* as in the i386 ABI */
    uint32_t restorer;
    uint64_t mask;     /* bit n-1 is signal n */
};

struct guest_altstack { gaddr sp; uint32_t flags, size; };

/* What is to be done with a system call before it is made. */
enum {
    WORK_DISPATCH = 1,  /* user dispatch */
    WORK_SECCOMP = 2,
    WORK_NO_PRIVS = 4,  /* another thread has set no_new_privs for this one */
    WORK_TRACE = 8,     /* the tracer stops at system calls */
};

/* A host signal waiting to be turned into a guest frame. While one is held, the host blocks
 * all others, so the host kernel keeps the queues. */
struct pending_signal { volatile sig_atomic_t valid; siginfo_t info; };

/* A signal that a process sends itself and that looks like a fault (si_code above 0) goes as SI_QUEUE:
 * si_errno is this plus the true code, si_value the address. xrun's own handler undoes it. */
enum { SI_LIKE_FAULT = 0x58460000, SI_FAULT_MAX = 0xffff };
/* What a thread gives back to its process has this added to its code, for the kernel lets only the
 * first thread send the true one; and the mark in si_errno, which tells it from a program's own. */
enum {
    SI_GIVEN_BACK = -0x4000, SI_GIVEN_MAX = 0xff,
    SI_GIVEN_MARK = 0x58470000, SI_GIVEN_ERRNO = 0xffff
};

/* The debug registers. As in Linux a breakpoint is made when its address or DR7 is written first, and then stays;
 * dr6 and dr7 are only what was written or happened last: children and new threads have these, but no breakpoints. */
struct debug_regs {
    struct debug_slot {
        bool used, enabled;
        uint8_t type, len;          /* as in DR7 */
        gaddr addr;
    } slot[4];
    uint32_t dr6, dr7;              /* dr6: the bits that are set, not those that always are */
    uint8_t exec, data;             /* which slots stop execution, and accesses */
    uint8_t hits;                   /* those that the #DB being raised is for; */
    uint8_t held;                   /* until the next instruction, as a load of ss does */
    bool stepped;                   /* and it is for EFLAGS.TF, too */
    bool listed;                    /* for runtime/debugreg.c, */
    struct thread *next;            /* the next that is */
};

/* What an interrupted call is to go on with: syscalls/restart.c. */
struct sysctx;
typedef int64_t (*restart_fn)(struct sysctx *c, struct timespec *left);
struct restart_block {
    restart_fn fn;              /* NULL: none */
    uint32_t a[6];              /* the arguments of the call */
    bool timed;
    int clock;
    struct timespec end;
};

struct thread {
    struct cpu cpu;
    uint8_t *alone;                 /* owned by translate/: see translate_run_alone */
    struct process *proc;
    int tid;
    volatile sig_atomic_t running;  /* executing guest code: a host SIGSEGV is the guest's */
    sigjmp_buf trap_jb;             /* where cpu_fault and host faults return to */
    volatile sig_atomic_t copying;  /* inside mem_read/mem_write: a host SIGSEGV is EFAULT */
    sigjmp_buf copy_jb;

    uint64_t sigmask;               /* the guest's blocked signals */
    uint64_t sigmask_saved;         /* restored after the handler of a sigsuspend, ppoll, ... */
    bool sigmask_restore;
    struct pending_signal pend;
    struct guest_altstack altstack;

    uint64_t tls_desc[TLS_ENTRIES]; /* raw 8-byte GDT descriptors, entries 12-14 */
    uint32_t ldt_seen;              /* version that the segment registers were loaded from */
    gaddr clear_child_tid;
    gaddr robust_list;              /* head, 0 none */
    uint32_t robust_list_len;
    gaddr robust_told;              /* the head that the host knows, too: see thread_tell_robust */
    bool host_clears_tid;           /* clear_child_tid is the host's business */

    uint32_t syscall_work;          /* WORK_*, looked at before each system call */
    struct user_dispatch {          /* prctl(PR_SET_SYSCALL_USER_DISPATCH) */
        gaddr start;                /* calls from [start, start + len) are always made */
        uint32_t len;
        gaddr selector;             /* the byte that allows or blocks the others; 0: blocked */
    } dispatch;
    bool exiting;                   /* makes no system call any more */
    struct seccomp_filter *seccomp; /* the newest; with WORK_SECCOMP and none: strict mode */

    struct trace_block *trace;      /* a tracer has attached; syscalls/trace.h */
    struct trace_block *child_trace; /* what the child being made is to have */
    volatile sig_atomic_t trace_look; /* a token came */
    bool trace_claimed;             /* PTRACE_TRACEME with a parent that is a program of the host */
    bool trace_in_call;             /* it has stopped before the system call being made */
    bool trace_step;                /* stop behind each instruction, */
    bool trace_tf;                  /* for which EFLAGS.TF is set now; */
    bool trace_over;                /* the next one even if there is a breakpoint */

    struct debug_regs debug;

    struct restart_block restart_block;
    uint32_t orig_eax;              /* number of the system call in progress, -1 outside */
    struct thread *next, **prevp;   /* list of all threads of the process */
    void *runtime;                  /* owned by runtime/ */
};

/* The signal actions; one table for all processes that clone(CLONE_VM | CLONE_SIGHAND) joins. */
struct sighand {
    struct lock lock;
    int users;
    struct guest_sigaction action[NSIG_GUEST + 1];
};

/* The local descriptor table: belongs to the address space, so all processes in it share it. */
struct ldt {
    struct lock lock;           /* for writing */
    uint64_t *desc;                 /* raw descriptors, NULL if none */
    uint32_t count;
    volatile uint32_t version;      /* grows with every change */
};
extern struct ldt process_ldt;

struct process {
    struct lock lock;
    struct thread *threads;         /* under lock */
    int nthreads;
    int pid;
    int dying;                      /* a thread of it has met a deadly signal, */
    volatile int stopping;          /* and the others must stand still for its core dump */
    bool ending;                    /* as a whole: no thread may see what that does to memory */
    bool traced;                    /* any thread of it */
    int memory_parent;              /* the parent, if it shares that one's memory */
    bool shares_memory;             /* with other processes: see process_shares_memory */
    struct sighand *sighand;
    struct guest_sigaction *sigaction; /* sighand->action; under sighand->lock */
    uint32_t personality;
    char *exe;                      /* absolute host path of the guest program */
    char *exe_guest;                /* the same as the guest names it (sysroot removed) */
    char **argv;                    /* as given to the guest */
    int argc;
    gaddr arg_start, arg_end, env_start, env_end, start_stack, start_code, end_code;
    uint32_t auxv[2 * 32];          /* as on the guest's stack, for /proc/self/auxv */
    uint32_t auxv_len;              /* bytes */
    gaddr vdso;                     /* base of the vDSO page; */
    gaddr vdso_vsyscall;            /* __kernel_vsyscall, AT_SYSINFO */
    gaddr vdso_sysenter_return;     /* landing address in __kernel_vsyscall after a system call */
    gaddr vdso_sigreturn, vdso_rt_sigreturn;
    uint64_t rlim_as[2], rlim_stack[2], rlim_data[2]; /* the guest's view: soft, hard */
};

/* The calling host thread's guest thread; NULL before the first one is made. */
extern __thread struct thread *thread_self;
extern struct process *process_self;

/* Things that only runtime/ can do, called by syscalls/. Set once at start. */
struct clone_request {
    uint64_t flags;          /* CLONE_*; exit signal in exit_signal */
    uint32_t exit_signal;
    gaddr stack;             /* new esp, 0 = keep */
    gaddr ptid, ctid, pidfd; /* where to write, by flags */
    gaddr tls;               /* struct user_desc, with CLONE_SETTLS */
    uint32_t set_tid[32];
    uint32_t set_tid_size;
    int cgroup;
};
struct runtime_hooks {
    /* clone/fork/vfork: child's tid in the parent, or -errno. The child starts with eax = 0 behind
     * the system call and never returns from here. */
    int64_t (*clone)(struct thread *t, const struct clone_request *rq);
    /* Ends the calling thread (exit) or the process (exit_group). */
    void (*exit_thread)(struct thread *t, int status) __attribute__((noreturn));
    void (*exit_group)(struct thread *t, int status) __attribute__((noreturn));
    /* Ends the calling thread alone as if by signal `sig`. */
    void (*exit_killed)(struct thread *t, int sig) __attribute__((noreturn));
    /* execve/execveat. Returns only on failure, with a negative errno. Strings are host copies. */
    int64_t (*exec)(struct thread *t, int dirfd, const char *path, char **argv, char **envp,
                    int flags);
    /* sigreturn (rt = false) and rt_sigreturn: restores the context from the guest's stack. */
    void (*sigreturn)(struct thread *t, bool rt);
    /* Signals that xrun may not block on the host: those of `mask` that the guest blocks and were
     * sent with kill(2). sync_take removes one of `mask`, its info to *info; false if none. */
    uint64_t (*sync_pending)(struct thread *t);
    bool (*sync_take)(struct thread *t, uint64_t mask, siginfo_t *info);
    /* Installs host dispositions after proc->sigaction[sig] changed. */
    void (*sigaction_changed)(int sig);
    /* Makes the host's blocked set follow t->sigmask (minus signals that xrun needs). */
    void (*sigmask_changed)(struct thread *t);
    /* Signals that xrun handles only for their default action have it on the host for a while. */
    void (*default_by_host)(const struct process *p, bool host);
    /* A signal the thread gets now, even if it blocks it; `fatal`: it dies of it in any case. */
    void (*force_signal)(struct thread *t, const siginfo_t *info, bool fatal);
    /* The calling thread has begun to be traced, or ceased. */
    void (*trace_begun)(struct thread *t);
    /* Stops for the tracer before a system call, which it may change; false: it is not to be made. */
    bool (*trace_entry)(struct thread *t);
    /* The same for a seccomp filter's verdict, *made: as above; false: nobody wants it. */
    bool (*trace_seccomp)(struct thread *t, uint32_t data, bool *made);
    /* The process has mapped memory that others may share. */
    void (*shares_memory)(struct process *p);
    /* The LDT's descriptor with this selector has changed: for all threads when this returns. */
    void (*ldt_changed)(struct thread *t, uint16_t sel);
    /* Code of [start,end) must be forgotten by all threads. */
    void (*invalidate)(gaddr start, gaddr end);
    /* An i386 system call through the host's own i386 entry; NO_CALL32 if it has none. */
    long (*call32)(uint32_t nr, const uint32_t a[5]);
};
enum { NO_CALL32 = -4096 }; /* no error of a call's, which may be ENOSYS */
extern struct runtime_hooks runtime_hooks;

/* A host system call that may block. Returns the host's result (negative errno). If a host signal
 * for the guest is pending or comes before the kernel is entered, returns -SAFE_RESTART without
 * having made the call; -SAFE_AGAIN if the kernel would restart it after a handler with SA_RESTART
 * (ERESTARTSYS). So -EINTR is what a handler with SA_RESTART gets as well. Raw kernel interface on
 * both hosts. */
enum { SAFE_RESTART = 512, SAFE_AGAIN = 513 };
long host_syscall_blocking(long nr, long a, long b, long c, long d, long e, long f);
/* The same without the check, for calls that do not block. */
long host_syscall(long nr, long a, long b, long c, long d, long e, long f);

#endif
