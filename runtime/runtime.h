/* What the files of runtime/ share: the code cache, the dispatcher, signals, thread life. */
#ifndef XRUN_RUNTIME_RUNTIME_H
#define XRUN_RUNTIME_RUNTIME_H

#include <sys/mman.h>

#include "core/thread.h"
#include "decode/insn.h"

/* Values with which thread->trap_jb is entered. */
enum { JB_TRAP = 1 /* cpu->trap is set */, JB_REDO = 2 /* redo cpu->cur alone, then go on */ };

/* Signals that xrun itself needs unblocked: the kernel raises them for guest faults. */
enum { SYNC_SIGNALS = 5 };

/* A one-instruction block for stepping, with room for its end marker and links. */
struct step_block {
    struct insn insn[2];
    struct insn_links links[1];
};

/* thread->runtime. */
struct rt_thread {
    struct thread *t;
    sigjmp_buf exit_jb;          /* end of the host thread's start function */
    bool on_pthread;             /* started by pthread_create (else the first thread or a fork) */
    struct gate *ended;          /* CLONE_VFORK of a thread: opened when it ends */
    volatile uint64_t epoch;     /* code retired before this epoch is not in use by this thread */
    struct rt_thread *next;      /* registry of cache.c */
    struct lock alive;           /* held by the thread while it lives: see lock_orphaned */
    uint64_t nudged;             /* the epoch in which it was asked to pass */
    struct pending_signal sync_pend[SYNC_SIGNALS]; /* sent by kill(2) while the guest blocks them */
    int standing;                /* stopped for a core dump */
    volatile sig_atomic_t call_made; /* the interrupted host call was made (host_call_restarting) */
    int64_t restart;             /* SYSRET_RESTART*, 0: no system call to restart */
    uint32_t restart_eip;        /* where to rewind to, */
    uint32_t restart_eax;        /* and the number it needs */
    uint8_t *ret_stack;          /* mapping of code.c: host return addresses, signal stack */
    uint64_t ret_epoch;          /* what is on it was put there since */
    volatile bool stepping;      /* single-stepping translated code to an instruction boundary */
    struct unit *trapped;        /* or to be stopped there by a trap in it: see trap.c */
    bool jumps;                  /* the jump cache has entries */
    struct step_block step;
    struct jump_cache_entry jump_cache[JUMP_CACHE_SIZE];
};

static inline struct rt_thread *rt(struct thread *t)
{
    return t->runtime;
}

/* Hides from CPUID what would be slow on this host; for the default model. */
void model_hide_slow(void);
/* Adds what the host has of AVX-512. */
void model_show_avx512(void);

/* cache.c: predecoded blocks by address. */
void cache_init(void);
void cache_thread_add(struct thread *t);
void cache_thread_remove(struct thread *t);
/* The block at cpu->eip, decoded if need be; links the edge the thread just left through
 * (cpu->exit_links). Never NULL: code that cannot be fetched gives an instruction that faults. */
const struct insn *cache_lookup(struct thread *t);
/* The single instruction at cpu->eip as a block of its own. */
const struct insn *cache_step(struct thread *t);
/* The same of the decoded instruction s->insn[0]. */
void cache_bind_step(struct step_block *s);
/* limit.c: cache_lookup for a code segment with a limit. NULL: the instruction at eip lies beyond it,
 * cpu->trap says so. */
const struct insn *limit_lookup(struct thread *t);
void cache_invalidate(gaddr start, gaddr end);
/* Translated code at host address pc faulted because the guest's operand is misaligned: will be
 * translated anew, knowing that. Async-signal-safe. */
void cache_misaligned(uintptr_t pc);
/* Somebody will look at the flags that faults show: translate_all_flags. */
void cache_show_flags(void);
/* A return led elsewhere than to this place of translated code, which found out by a fault. */
void cache_astray(uintptr_t pc);
/* The thread holds no pointer into the cache (before a system call that may block). */
void cache_offline(struct thread *t);
/* Prints what was decoded and translated (--profile). */
void cache_print_profile(void);
/* The process ends: keeps what it translated for the next that runs the program. */
void cache_store(const struct process *p);
/* With the lock held: all threads pass through the dispatcher soon, so that retired memory becomes
 * free; even those that have been in the same code for long. */
void cache_hurry(void);
void cache_nudge(void);
/* Before a fork: makes ready what earlier children had to make for themselves. */
void cache_fork_learn(struct thread *t);
void cache_fork_prepare(void);
void cache_fork_done(bool child);

/* fork.c: is the signal, which might be a fault of the thread's, the end of a child? */
bool fork_child_ended(int sig, const siginfo_t *info, const ucontext_t *uc);

/* dispatch.c */
/* Runs the guest thread until it ends; does not return. */
_Noreturn void dispatch_run(struct thread *t);

/* signal.c */
void signal_init(void);
/* Makes the host's blocked set of the calling thread follow t->sigmask. */
void signal_set_host_mask(struct thread *t);
/* --strace: prints signals that have come and are ignored by default. */
void signal_trace_kept(struct thread *t);
void signal_block_all(uint64_t *old);
/* Those as well that faults have: where the thread has no faults, but cannot take a process's signals. */
void signal_block_everything(uint64_t *old);
void signal_restore(uint64_t old);
/* Delivers what is pending; also decides about restarting a system call (rt(t)->restart). */
void signal_deliver(struct thread *t);
/* A signal for the thread: shown to its tracer, then its action. */
void signal_take(struct thread *t, const siginfo_t *info);
/* Turns cpu->trap into the guest's signal. */
void signal_trap(struct thread *t);
/* Sends a fault signal that cannot be blocked or ignored (SIGSEGV for a bad frame...). */
void signal_force(struct thread *t, int sig, int code, gaddr addr);
/* The same with all of siginfo; `fatal`: even if there is a handler. */
void signal_force_info(struct thread *t, const siginfo_t *info, bool fatal);
void signal_action_changed(int sig);
/* Default actions that xrun carries out in a process that shares memory are the host's for a while. */
void signal_default_by_host(const struct process *p, bool host);
void signal_sigreturn(struct thread *t, bool rt);
/* Ends the process as by signal `sig` with its default action, but without a core dump. */
_Noreturn void signal_die(struct thread *t, int sig);
/* The same with report and core dump. */
_Noreturn void signal_die_of(struct thread *t, const siginfo_t *info);
/* Signals of sync_pend, as a mask; takes one of `mask` out. */
uint64_t signal_sync_pending(struct thread *t);
bool signal_captured(struct thread *t); /* and not blocked: to be delivered */
bool signal_sync_take(struct thread *t, uint64_t mask, siginfo_t *info);
/* Gives a held signal back to the kernel's queue (before exec). */
void signal_requeue(struct thread *t);
/* The thread ends: what it has accepted for the process is for the other threads. */
void signal_hand_over(struct thread *t);

/* core.c */
/* Writes the guest's core file if its limits allow. The caller then dies of info->si_signo. */
void core_dump(struct thread *t, const siginfo_t *info);
/* Does this signal ask the thread to stand still for a core dump of another one? Async-signal-safe. */
bool core_is_stop(const siginfo_t *info);
/* Has the thread pass through the dispatcher, whatever it does. */
void core_nudge(const struct thread *t);
/* Stands still for good if such a dump is under way; at an instruction boundary. */
void core_stand_still(struct thread *t);

/* crash.c: prints signal, place, registers and mappings to stderr (--crash-report). */
void crash_report(struct thread *t, int sig, int code, gaddr addr);

/* Something that happens once: one thread opens the gate, another waits for it. */
struct gate {
    uint32_t open; /* a futex */
};

/* clone.c */
/* An empty process record with a signal table of its own. */
struct process *process_new(void);
/* The process is about to end or to become another: marks the robust futexes of all its threads. */
void process_release(struct thread *t);
/* It has memory in common with other processes from now on: a signal with a deadly default action
 * must not end it just anywhere. */
void process_shares_memory(struct process *p);
void thread_ldt_changed(struct thread *self, uint16_t sel);
int64_t clone_thread(struct thread *t, const struct clone_request *rq);
/* The same without a word to a tracer. */
int64_t clone_plain(struct thread *t, const struct clone_request *rq);
_Noreturn void thread_exit(struct thread *t, int status);
_Noreturn void thread_exit_group(struct thread *t, int status);
_Noreturn void thread_exit_killed(struct thread *t, int sig);
/* The first thread of process p, whose pid is set. */
struct thread *thread_first(struct process *p);
/* A copy of `parent` in process `p` as `rq` asks for, in the list of p's threads, known to the code
 * cache. NULL and *error if its TLS descriptor is bad. */
struct thread *thread_copy(const struct thread *parent, struct process *p,
                           const struct clone_request *rq, int *error);
/* Undoes thread_copy, when the thread has ended or never ran. */
void thread_drop(struct thread *t);
/* CLONE_SETTLS: installs the descriptor in `t`. 0 or -errno. */
int clone_apply_tls(struct thread *t, const struct clone_request *rq);
/* Lets the host's kernel know the thread's robust futexes if they may matter to other processes: it walks
 * their list even after SIGKILL. */
void thread_tell_robust(struct thread *t);
/* The calling host thread is t's, which others can know from now on: see struct rt_thread. */
void thread_is_alive(struct thread *t);
enum { CLONE_HOST_STACK = 512 << 10 };
/* hostthread.c. Starts a thread of the host's; 0 or -errno. With all signals blocked. */
int host_thread_start(void (*fn)(void *), void *arg);
/* Around a fork that the C library does not see: nobody changes its list of threads meanwhile. */
void host_threads_keep(void);
void host_threads_go_on(void);
/* In the child of any fork, which has only this thread. */
void host_threads_forked(void);
void gate_open(struct gate *g);
void gate_wait(struct gate *g);

/* fork.c: children that are processes. Child's pid or -errno. */
int64_t clone_fork(struct thread *t, const struct clone_request *rq);   /* memory of its own */
int64_t clone_vfork(struct thread *t, const struct clone_request *rq);  /* borrows the parent's */
/* Shares the parent's. With `made`: that is called when the child is there, with `arg`, then the parent
 * waits for it to leave the memory. */
int64_t clone_shared(struct thread *t, const struct clone_request *rq,
                     void (*made)(struct thread *t, void *arg, int64_t pid), void *arg);

/* binfmt.c: xrun as an interpreter of binfmt_misc */
/* --binfmt=WORD. The exit status. */
int binfmt_command(const char *word);
/* Has the kernel started xrun as one, with the program's path, argv[0] and arguments? */
bool binfmt_started(void);
/* What to load for a program started so: its name, or a name of its descriptor. */
const char *binfmt_program(const char *name);

/* report.c: --abi-report */
/* A program has been loaded. */
void report_program(const char *path);
/* The program ended with the status that ld.so has for what it does not find: says what and where to
 * get it, if that is so. */
void report_missing(const char *path);
/* Instructions have been decoded. */
void report_code(const struct insn *in, unsigned n, unsigned mode);
void report_print(void);

/* exec.c */
void exec_init(char **argv);
int64_t exec_program(struct thread *t, int dirfd, const char *path, char **argv, char **envp,
                     int flags);

/* Installs runtime_hooks. */
void runtime_init(void);

#endif
