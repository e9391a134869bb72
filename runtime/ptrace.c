/* A traced thread: it stops itself at instruction boundaries and serves its tracer's requests until
 * it is told to go on; see syscalls/trace.h. What natively happens in ptrace_stop, get_signal,
 * do_jobctl_trap and the entry code happens here. */
#include "runtime/ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/sigframe.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "runtime/debugreg.h"
#include "syscalls/syscalls.h"
#include "translate/translate.h"

enum { LOOK_MS = 500, LISTEN_MS = 20, MESSAGE_ENTRY = 1, MESSAGE_EXIT = 2, GUEST_EXECVE = 11 };
enum { STOP_EVENT = PTRACE_EVENT_STOP << 8 };

/* ---- beginning and end ---- */

void ptrace_begun(struct thread *t)
{
    t->proc->traced = t->trace != NULL;
    for (const struct thread *o = t->proc->threads; o; o = o->next)
        t->proc->traced |= o->trace != NULL;
    if (t->proc->traced)
        cache_show_flags();
    for (int s = 1; s <= NSIG_GUEST; s++)
        signal_action_changed(s);
}

void ptrace_break_changed(gaddr at)
{
    cache_invalidate(at, at + 1);
}

static void forget_breaks(void)
{
    if (breaks_any)
        breaks_set(BREAKS_DEBUGGER, NULL, 0, ptrace_break_changed);
    watches_set(NULL, 0);
}

static void set_mode(struct thread *t, enum trace_mode mode)
{
    bool calls = mode == TRACE_SYSCALL || mode == TRACE_SYSEMU || mode == TRACE_SYSEMU_STEP;
    t->trace->mode = mode;
    t->trace_step = mode == TRACE_STEP || mode == TRACE_BLOCK || mode == TRACE_SYSEMU_STEP;
    if (calls)
        __atomic_or_fetch(&t->syscall_work, (uint32_t)WORK_TRACE, __ATOMIC_ACQ_REL);
    else
        __atomic_and_fetch(&t->syscall_work, ~(uint32_t)WORK_TRACE, __ATOMIC_ACQ_REL);
}

/* A process that was stopped as a whole stays so. */
static void detach(struct thread *t)
{
    bool stopped = t->trace->group_stopped;
    set_mode(t, TRACE_CONT);
    trace_block_unmap(t->trace);
    t->trace = NULL;
    ptrace_begun(t);
    if (!t->proc->traced)
        forget_breaks();
    if (!stopped)
        return;
    host_syscall(SYS_kill, t->proc->pid, SIGSTOP, 0, 0, 0, 0);
    ptrace_attend(t); /* another tracer may have come meanwhile */
}

/* The tracer ended without a word. */
static void tracer_gone(struct thread *t)
{
    if (t->trace->options & PTRACE_O_EXITKILL)
        host_syscall(SYS_kill, getpid(), SIGKILL, 0, 0, 0, 0);
    detach(t);
}

static void take_attach(struct thread *t, int from, int fd)
{
    struct trace_block *b = trace_block_open(from, fd);
    if (!b || b->tid != t->tid || b->accepted) { /* told twice */
        trace_block_unmap(b);
        return;
    }
    if (t->trace) {
        trace_accept(b, -EPERM);
        trace_block_unmap(b);
        return;
    }
    t->trace = b;
    set_mode(t, TRACE_CONT);
    ptrace_begun(t);
    trace_accept(b, 0);
}

/* ---- serving ---- */

/* What a debugger may read and write is more than the program may itself. */
static int peek(gaddr a, uint8_t *buf, uint32_t n)
{
    if (!mem_read(buf, a, n))
        return 0;
    int fd = open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC);
    ssize_t k = fd < 0 || !(mem_page_flags(a) & PAGE_MAPPED) ? -1 : pread(fd, buf, n, (off_t)a);
    if (fd >= 0)
        close(fd);
    return k == (ssize_t)n ? 0 : -EIO;
}

static int poke(gaddr a, const uint8_t *buf, uint32_t n)
{
    int fd = open("/proc/thread-self/mem", O_RDWR | O_CLOEXEC);
    ssize_t k = fd < 0 || !(mem_page_flags(a) & PAGE_MAPPED) ? -1 : pwrite(fd, buf, n, (off_t)a);
    if (fd >= 0)
        close(fd);
    cache_invalidate(a, a + n);
    return k == (ssize_t)n ? 0 : -EIO;
}

static int set_sigmask(struct thread *t, const uint8_t *buf)
{
    const uint64_t never = UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1);
    memcpy(&t->sigmask, buf, sizeof t->sigmask);
    t->sigmask &= ~never;
    t->cpu.pending = 1;
    return 0;
}

static void get_dispatch(const struct thread *t, uint64_t v[4])
{
    v[0] = t->syscall_work & WORK_DISPATCH ? PR_SYS_DISPATCH_ON : PR_SYS_DISPATCH_OFF;
    v[1] = t->dispatch.selector;
    v[2] = t->dispatch.start;
    v[3] = t->dispatch.len;
}

/* A file of /proc as this program sees its own; the length of the link exe. */
static int open_own_proc(struct thread *t, char *name)
{
    char path[64];
    if (!strcmp(name, "exe")) {
        strncpy(name, t->proc->exe_guest, TRACE_DATA - 1);
        return (int)strlen(name);
    }
    if (strlen(name) > 32)
        return -ENOENT;
    strcat(strcpy(path, "/proc/self/"), name);
    return (int)proc_open(t, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static int set_breaks(const struct trace_block *b)
{
    if (b->data > BREAKS_MAX)
        return -EINVAL;
    breaks_set(BREAKS_DEBUGGER, (const gaddr *)(const void *)b->buf, b->data, ptrace_break_changed);
    return 0;
}

static int set_watches(const struct trace_block *b)
{
    if (b->data > WATCHES_MAX)
        return -EINVAL;
    watches_set((const struct watch *)(const void *)b->buf, b->data);
    return 0;
}

/* /proc may show threads of the host that are not the program's. */
static int get_threads(const struct thread *t, uint32_t skip, int *to, int room)
{
    int n = 0;
    lock_take(&t->proc->lock);
    for (const struct thread *o = t->proc->threads; o && n < room; o = o->next)
        if (skip)
            skip--;
        else
            to[n++] = o->tid;
    lock_release(&t->proc->lock);
    return n;
}

static int get_debugreg(const struct thread *t, struct trace_block *b)
{
    uint32_t v = debugreg_get(t, b->addr);
    memcpy(b->buf, &v, sizeof v);
    return 0;
}

static int serve_one(struct thread *t, struct trace_block *b)
{
    uint64_t *dispatch = (uint64_t *)(void *)b->buf; /* mode, selector, offset, len */
    switch ((enum trace_request)b->request) {
    case TRACE_PEEK: return peek(b->addr, b->buf, b->data);
    case TRACE_POKE: return poke(b->addr, b->buf, b->data);
    case TRACE_GET_REGS: ptrace_get_regs(t, (uint32_t *)(void *)b->buf); return 0;
    case TRACE_SET_REG: return ptrace_set_reg(t, b->addr, b->data);
    case TRACE_SET_REGS: return ptrace_set_regs(t, (uint32_t *)(void *)b->buf, b->data / 4);
    case TRACE_GET_FPREGS:
    case TRACE_GET_FXREGS: ptrace_get_fp(t, b->buf, b->request == TRACE_GET_FXREGS); return 0;
    case TRACE_SET_FPREGS:
    case TRACE_SET_FXREGS: return ptrace_set_fp(t, b->buf, b->data, b->request == TRACE_SET_FXREGS);
    case TRACE_GET_XSTATE: sigframe_xstate_image(t, b->buf); return 0;
    case TRACE_SET_XSTATE: return sigframe_set_xstate(t, b->buf);
    case TRACE_GET_TLS: ptrace_get_tls(t, (struct guest_user_desc *)(void *)b->buf); return 0;
    case TRACE_SET_TLS:
        return ptrace_set_tls(t, (struct guest_user_desc *)(void *)b->buf, b->data / 16);
    case TRACE_GET_SIGMASK: memcpy(b->buf, &t->sigmask, 8); return 0;
    case TRACE_SET_SIGMASK: return set_sigmask(t, b->buf);
    case TRACE_OPEN_PROC: return open_own_proc(t, (char *)b->buf);
    case TRACE_CLOSE: return close((int)b->addr);
    case TRACE_GET_PENDING:
        return ptrace_pending(t, b->addr, b->data, (siginfo_t *)(void *)b->buf,
                              sizeof b->buf / sizeof(siginfo_t));
    case TRACE_GET_DISPATCH: get_dispatch(t, dispatch); return 0;
    case TRACE_SET_DISPATCH:
        return user_dispatch_set(t, dispatch[0], dispatch[2], dispatch[3], dispatch[1]);
    case TRACE_GET_FILTER:
        return seccomp_describe(t, b->addr, b->data, (struct seccomp_part *)(void *)b->buf);
    case TRACE_LISTEN: b->listening = 1; return 0;
    case TRACE_SET_BREAKS: return set_breaks(b);
    case TRACE_SET_WATCHES: return set_watches(b);
    case TRACE_GET_THREADS:
        return get_threads(t, b->addr, (int *)(void *)b->buf, sizeof b->buf / sizeof(int));
    case TRACE_GET_DEBUGREG: return get_debugreg(t, b);
    case TRACE_SET_DEBUGREG: return debugreg_set(t, b->addr, b->data);
    case TRACE_RESUME:
        t->trace_over = b->over;
        set_mode(t, (enum trace_mode)b->addr);
        return 0;
    case TRACE_DETACH: set_mode(t, (enum trace_mode)b->addr); return 0;
    }
    return -EIO;
}

static void announce(struct thread *t)
{
    struct trace_block *b = t->trace;
    b->notified = 0;
    __atomic_store_n(&b->state, TRACE_STOPPED, __ATOMIC_SEQ_CST);
    if (trace_send(b->tracer_pid, b->tracer_tid, TRACE_LOOK, 0) == -ESRCH)
        trace_send(b->tracer_pid, b->tracer_pid, TRACE_LOOK, 0);
}

/* Has SIGCONT come? */
static bool continued(const struct thread *t)
{
    uint64_t pending = 0;
    host_syscall(SYS_rt_sigpending, (long)&pending, 8, 0, 0, 0, 0);
    return pending >> (SIGCONT - 1) & 1 || (t->pend.valid && t->pend.info.si_signo == SIGCONT);
}

/* A tracee that listens shows that its group stop is over, or that it was interrupted. */
static void leave_listening(struct thread *t)
{
    struct trace_block *b = t->trace;
    __atomic_and_fetch(&b->want, ~(uint32_t)TRACE_WANT_INTERRUPT, __ATOMIC_ACQ_REL);
    b->code = SIGTRAP | STOP_EVENT;
    b->group_stopped &= !continued(t);
    b->info.si_signo = SIGTRAP;
    b->info.si_code = (int)b->code;
    b->listening = 0;
    b->reported = 0;
    announce(t);
}

/* Waits for request number `n` + 1, or for what else may happen meanwhile. False: detached. */
static bool await_request(struct thread *t, uint32_t n)
{
    struct trace_block *b = t->trace;
    uint32_t want = __atomic_load_n(&b->want, __ATOMIC_SEQ_CST);
    if (!(want & TRACE_WANT_DETACH) && !(b->listening && (want & TRACE_WANT_INTERRUPT)))
        trace_futex_wait(&b->ask, n, b->listening ? LISTEN_MS : LOOK_MS);
    want = __atomic_load_n(&b->want, __ATOMIC_SEQ_CST);
    bool asked = __atomic_load_n(&b->ask, __ATOMIC_ACQUIRE) != n;
    if ((want & TRACE_WANT_DETACH) || (!asked && !trace_alive(b->tracer_pid, b->tracer_pid))) {
        tracer_gone(t);
        return false;
    }
    if (b->listening && ((want & TRACE_WANT_INTERRUPT) || continued(t)))
        leave_listening(t);
    return true;
}

/* Until the tracer lets the thread go on: the signal it does so with. */
static int serve(struct thread *t)
{
    struct trace_block *b = t->trace;
    for (;;) {
        uint32_t n = __atomic_load_n(&b->ask, __ATOMIC_ACQUIRE);
        if (n == b->answered) {
            if (!await_request(t, n))
                return 0;
            continue;
        }
        bool leaves = b->request == TRACE_DETACH, on = leaves || b->request == TRACE_RESUME;
        int sig = (int)b->data;
        b->result = serve_one(t, b);
        if (on)
            __atomic_store_n(&b->state, TRACE_RUNNING, __ATOMIC_RELEASE);
        __atomic_store_n(&b->answered, n, __ATOMIC_RELEASE);
        trace_futex_wake(&b->answered);
        if (leaves)
            detach(t);
        if (on)
            return sig;
    }
}

/* A system call that was interrupted shows it in eax; the tracer may prevent or cause its
 * repetition by what it writes there and into orig_eax. */
static void settle(struct thread *t)
{
    struct rt_thread *r = rt(t);
    int32_t eax = (int32_t)t->cpu.gpr[REG_EAX];
    bool again = (int32_t)t->orig_eax >= 0 && sysret_restarts(eax);
    r->restart = again ? eax : 0;
    if (!again)
        return;
    r->restart_eip = t->cpu.eip - 2;
    r->restart_eax = t->orig_eax;
    t->cpu.pending = 1;
}

/* Stops; `info` NULL: there is none. What siginfo is at the end goes back. */
static int stop(struct thread *t, enum trace_kind kind, uint32_t code, siginfo_t *info,
                uint64_t message)
{
    struct trace_block *b = t->trace;
    bool memory = b->memory_open;
    uint64_t mask;
    t->trace_in_call |= kind == TRACE_CALL_ENTRY || kind == TRACE_SECCOMP;
    signal_block_all(&mask);
    if (rt(t)->restart)
        t->cpu.gpr[REG_EAX] = (uint32_t)rt(t)->restart;
    b->kind = kind;
    b->code = code;
    b->message = message;
    b->listening = 0;
    b->reported = 0;
    b->has_info = info != NULL;
    if (info)
        b->info = *info;
    announce(t);
    int sig = serve(t);
    bool same = t->trace == b; /* else detached, and the block is gone */
    if (same)
        b->reason = TRACE_NO_REASON;
    if (info && same)
        *info = b->info;
    if (kind != TRACE_CALL_ENTRY && kind != TRACE_SECCOMP && kind != TRACE_EVENT)
        settle(t);
    t->cpu.exit_links = NULL;
    t->cpu.host.exit_code = NULL;
    if (memory || (same && b->memory_open))
        cache_invalidate(0, MEM_TASK_SIZE);
    signal_restore(mask);
    return sig;
}

static siginfo_t own_info(int sig, uint32_t code)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = sig;
    i.si_code = (int)code;
    i.si_pid = gettid();
    i.si_uid = getuid();
    return i;
}

/* The signal with which the tracer lets a system call begin or go on; from nobody. */
static void send_self(struct thread *t, int sig)
{
    siginfo_t i = {.si_signo = sig, .si_code = SI_KERNEL};
    if (!sig)
        return;
    signal_disguise(&i, (uint32_t)sig);
    host_syscall(SYS_rt_tgsigqueueinfo, t->proc->pid, t->tid, sig, (long)&i, 0, 0);
}

/* ---- signals ---- */

int ptrace_signal(struct thread *t, siginfo_t *info)
{
    int tracer = t->trace->tracer_pid;
    if (info->si_signo == SIGCONT)
        t->trace->group_stopped = 0;
    int sig = stop(t, TRACE_SIGNAL, (uint32_t)info->si_signo, info, 0);
    if (sig && sig != info->si_signo) {
        memset(info, 0, sizeof *info);
        info->si_signo = sig;
        info->si_pid = tracer;
    }
    if (sig && t->sigmask >> (sig - 1) & 1) {
        host_syscall(SYS_rt_tgsigqueueinfo, t->proc->pid, t->tid, sig, (long)info, 0, 0);
        return 0;
    }
    return sig;
}

/* ---- breakpoints and watchpoints ---- */

static void take_debug_trap(struct thread *t, enum trace_reason why, int code, gaddr watched)
{
    siginfo_t i = {.si_signo = SIGTRAP, .si_code = code};
    i.si_addr = (void *)(uintptr_t)(why == TRACE_AT_WATCHPOINT ? t->cpu.eip : 0);
    t->trace->reason = why;
    t->trace->watched = watched;
    signal_take(t, &i);
}

void ptrace_breakpoint(struct thread *t)
{
    take_debug_trap(t, TRACE_AT_BREAKPOINT, SI_KERNEL, 0);
}

void ptrace_watch_hit(struct thread *t, const struct watch *w)
{
    take_debug_trap(t, TRACE_AT_WATCHPOINT, TRAP_HWBKPT, w->addr);
}

static bool took_branch(const struct cpu *cpu, const struct insn *in)
{
    switch (in->op) {
    case OP_JMP: case OP_CALL: case OP_RET: case OP_IRET: return true;
    default: return cpu->eip != in->next && !(in->flags & (INSN_REP | INSN_REPNE));
    }
}

bool ptrace_steps_on(const struct thread *t, const struct insn *in)
{
    const struct trace_block *b = t->trace;
    if (!b || t->cpu.eflags & EFL_TF)
        return false;
    return (b->mode == TRACE_BLOCK && !took_branch(&t->cpu, in)) ||
           t->cpu.eip - b->range_start < b->range_end - b->range_start;
}

static void stop_in_group(struct thread *t, int sig)
{
    uint32_t code = t->trace->seized ? (uint32_t)sig | STOP_EVENT : (uint32_t)sig;
    siginfo_t i = own_info(sig, code);
    t->trace->group_stopped = 1;
    stop(t, TRACE_GROUP, code, t->trace->seized ? &i : NULL, 0);
}

void ptrace_group_stop(struct thread *t, int sig)
{
    lock_take(&t->proc->lock);
    for (struct thread *o = t->proc->threads; o; o = o->next) {
        if (o == t || !o->trace)
            continue;
        o->trace->group_sig = sig;
        __atomic_or_fetch(&o->trace->want, (uint32_t)TRACE_WANT_GROUP, __ATOMIC_ACQ_REL);
        trace_send(t->proc->pid, o->tid, TRACE_LOOK, 0);
    }
    lock_release(&t->proc->lock);
    stop_in_group(t, sig);
}

void ptrace_handler_set_up(struct thread *t)
{
    siginfo_t i = own_info(SIGTRAP, SIGTRAP);
    if (t->trace_step)
        stop(t, TRACE_EVENT, SIGTRAP, &i, 0);
}

static void stop_as_wanted(struct thread *t, uint32_t want)
{
    struct trace_block *b = t->trace;
    siginfo_t i;
    if (want & TRACE_WANT_DETACH) {
        tracer_gone(t);
        return;
    }
    if (want & TRACE_WANT_GROUP)
        stop_in_group(t, b->group_sig);
    if (t->trace == b && (want & TRACE_WANT_SIGSTOP)) {
        i = b->stop_from;
        i.si_signo = SIGSTOP;
        signal_take(t, &i);
    }
    if (t->trace == b && (want & TRACE_WANT_INTERRUPT) && !(want & TRACE_WANT_GROUP)) {
        i = own_info(SIGTRAP, SIGTRAP | STOP_EVENT);
        stop(t, TRACE_GROUP, SIGTRAP | STOP_EVENT, &i, 0);
    }
}

void ptrace_attend(struct thread *t)
{
    int from, fd;
    uint32_t want;
    if (t->trace_look) {
        t->trace_look = 0;
        tracer_attend(t);
        while (trace_take(TRACE_ATTACH, t->proc->pid, t->tid, &from, &fd))
            take_attach(t, from, fd);
    }
    while (t->trace && (want = __atomic_exchange_n(&t->trace->want, 0, __ATOMIC_ACQ_REL)))
        stop_as_wanted(t, want);
}

/* ---- system calls ---- */

static uint32_t call_code(const struct trace_block *b)
{
    return b->options & PTRACE_O_TRACESYSGOOD ? SIGTRAP | 0x80 : SIGTRAP;
}

bool ptrace_call_entry(struct thread *t)
{
    bool emulated = t->trace->mode != TRACE_SYSCALL;
    siginfo_t i = own_info(SIGTRAP, call_code(t->trace));
    t->cpu.gpr[REG_EAX] = (uint32_t)-ENOSYS;
    send_self(t, stop(t, TRACE_CALL_ENTRY, call_code(t->trace), &i, MESSAGE_ENTRY));
    return !emulated && t->orig_eax != UINT32_MAX;
}

void ptrace_call_exit(struct thread *t)
{
    if (t->trace->mode == TRACE_SYSCALL) {
        siginfo_t i = own_info(SIGTRAP, call_code(t->trace));
        send_self(t, stop(t, TRACE_CALL_EXIT, call_code(t->trace), &i, MESSAGE_EXIT));
    } else if (t->trace->mode == TRACE_STEP || t->trace->mode == TRACE_BLOCK) {
        t->cpu.trap = (struct cpu_trap){.vec = TRAP_DB, .addr = t->cpu.trap.addr};
        signal_force(t, SIGTRAP, TRAP_BRKPT, t->cpu.eip - t->cpu.seg_base[SEG_CS]);
    }
}

static bool event_wanted(const struct thread *t, unsigned event)
{
    return t->trace && (t->trace->options >> event & 1);
}

static int stop_event(struct thread *t, unsigned event, uint64_t message)
{
    siginfo_t i = own_info(SIGTRAP, SIGTRAP | event << 8);
    return stop(t, TRACE_EVENT, SIGTRAP | event << 8, &i, message);
}

bool ptrace_seccomp(struct thread *t, uint32_t data, bool *made)
{
    if (!event_wanted(t, PTRACE_EVENT_SECCOMP))
        return false;
    siginfo_t i = own_info(SIGTRAP, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
    t->cpu.gpr[REG_EAX] = (uint32_t)-ENOSYS;
    stop(t, TRACE_SECCOMP, SIGTRAP | PTRACE_EVENT_SECCOMP << 8, &i, data);
    *made = (int32_t)t->orig_eax >= 0;
    return true;
}

/* ---- children ---- */

struct birth {
    struct trace_block *block; /* of the child; NULL: it is not traced */
    struct trace_block *given; /* the same for the child. In memory that both share it is a mapping of its own:
                                * the child may have ended before its parent has told the tracer of it */
    int fd;
    unsigned event; /* 0: none */
    bool thread;
};

static unsigned birth_event(const struct clone_request *rq)
{
    if (rq->flags & CLONE_UNTRACED)
        return 0;
    if (rq->flags & CLONE_VFORK)
        return PTRACE_EVENT_VFORK;
    return rq->exit_signal == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
}

/* The child's block; a fork of this process is to have it. */
static void prepare_birth(const struct thread *t, const struct clone_request *rq, struct birth *b)
{
    const struct trace_block *own = t->trace;
    *b = (struct birth){.fd = -1, .thread = rq->flags & CLONE_THREAD};
    unsigned event = birth_event(rq);
    if (event && event_wanted(t, event))
        b->event = event;
    if (!b->event && !(rq->flags & CLONE_PTRACE))
        return;
    struct trace_block *c = b->block = trace_block_new(&b->fd);
    if (!c)
        return;
    b->given = rq->flags & CLONE_VM ? trace_block_map(b->fd) : c;
    if (!b->given) {
        close(b->fd);
        trace_block_unmap(c);
        b->block = NULL;
        return;
    }
    madvise(b->given, sizeof *c, MADV_DOFORK); /* an emulator of this host may not share memory */
    c->tracer_pid = own->tracer_pid;
    c->tracer_tid = own->tracer_tid;
    c->options = own->options;
    c->seized = own->seized;
    c->want = own->seized ? TRACE_WANT_INTERRUPT : TRACE_WANT_SIGSTOP;
}

/* In the parent, when the child is there. */
static void report_birth(struct thread *t, struct birth *b, int64_t child)
{
    if (b->block) {
        b->block->tid = (int)child;
        b->block->pid = b->thread ? t->proc->pid : (int)child;
        trace_introduce(b->block, b->fd, TRACE_ADOPT, t->trace->tracer_pid, t->trace->tracer_tid);
        close(b->fd);
        trace_block_unmap(b->block);
    }
    t->cpu.gpr[REG_EAX] = (uint32_t)-ENOSYS;
    if (b->event)
        stop_event(t, b->event, (uint64_t)child);
}

static void report_birth_of_vfork(struct thread *t, void *arg, int64_t child)
{
    report_birth(t, arg, child);
}

int64_t ptrace_clone(struct thread *t, const struct clone_request *rq)
{
    struct birth b;
    int pid = getpid();
    bool vfork = (rq->flags & CLONE_VFORK) && !(rq->flags & CLONE_THREAD);
    prepare_birth(t, rq, &b);
    t->child_trace = b.given;
    /* the parent stops while the child runs in its memory */
    int64_t r =
        vfork && b.event ? clone_shared(t, rq, report_birth_of_vfork, &b) : clone_plain(t, rq);
    if (getpid() != pid) {
        if (b.fd >= 0)
            close(b.fd);
        return r;
    }
    t->child_trace = NULL;
    if (r < 0 && b.block) {
        close(b.fd);
        if (b.given != b.block)
            trace_block_unmap(b.given);
        trace_block_unmap(b.block);
    } else if (r > 0 && !(vfork && b.event)) {
        report_birth(t, &b, r);
    }
    if (r > 0 && vfork && event_wanted(t, PTRACE_EVENT_VFORK_DONE))
        stop_event(t, PTRACE_EVENT_VFORK_DONE, (uint64_t)r);
    return r;
}

void ptrace_forked(struct thread *t)
{
    bool was = t->trace || t->proc->traced;
    t->trace = t->child_trace;
    t->child_trace = NULL;
    t->trace_step = t->trace_claimed = false;
    t->syscall_work &= ~(uint32_t)WORK_TRACE;
    tracer_forked();
    breaks_forked();
    if (!t->trace)
        forget_breaks();
    debugreg_forget(t);
    if (t->trace) {
        madvise(t->trace, sizeof *t->trace, MADV_DONTFORK);
        t->cpu.pending = 1;
    }
    if (was || t->trace)
        ptrace_begun(t);
}

/* ---- execve ---- */

/* The tracer must learn of the new program's block before the old one's is gone. */
int ptrace_exec_save(struct thread *t)
{
    int fd;
    struct trace_block *old = t->trace;
    if (!old)
        return -1;
    struct trace_block *b = trace_block_new(&fd);
    if (!b)
        return -1;
    *b = *old;
    b->former_tid = old->tid;
    b->tid = b->pid;
    b->accepted = b->offered = 0;
    b->ask = b->answered = 0;
    if (tracer_inform(t, b, fd)) {
        close(fd);
        trace_block_unmap(b);
        return -1;
    }
    t->trace = b;
    trace_block_unmap(old);
    fcntl(fd, F_SETFD, 0);
    return fd;
}

void ptrace_exec_load(struct thread *t, int fd)
{
    t->trace = trace_block_map(fd);
    close(fd);
    if (!t->trace)
        return;
    set_mode(t, (enum trace_mode)t->trace->mode);
    ptrace_begun(t);
}

/* execve has just returned. */
void ptrace_exec_done(struct thread *t)
{
    siginfo_t i = {.si_signo = SIGTRAP, .si_pid = getpid(), .si_uid = getuid()};
    t->orig_eax = GUEST_EXECVE;
    bool event = event_wanted(t, PTRACE_EVENT_EXEC), signal = !event && !t->trace->seized;
    t->cpu.gpr[REG_EAX] = (uint32_t)-ENOSYS;
    if (event)
        stop_event(t, PTRACE_EVENT_EXEC, (uint64_t)t->trace->former_tid);
    t->cpu.gpr[REG_EAX] = 0;
    if (t->trace)
        ptrace_call_exit(t);
    if (t->trace && signal)
        signal_take(t, &i);
}

/* ---- the end ---- */

static void say_gone(struct thread *t, int status)
{
    struct trace_block *b = t->trace;
    b->code = (uint32_t)status;
    b->notified = b->reported = 0;
    __atomic_store_n(&b->state, TRACE_GONE, __ATOMIC_RELEASE);
    trace_send(b->tracer_pid, b->tracer_tid, TRACE_LOOK, 0);
}

/* The host tells the parent of the end of a process; of all else xrun must. */
void ptrace_exiting(struct thread *t, int status, bool all)
{
    struct process *p = t->proc;
    if (!(status & 0x7f)) /* in a system call, which has no result yet */
        t->cpu.gpr[REG_EAX] = (uint32_t)-ENOSYS;
    if (event_wanted(t, PTRACE_EVENT_EXIT))
        stop_event(t, PTRACE_EVENT_EXIT, (uint64_t)status);
    if (all)
        tracer_ends(t);
    if (!p->traced)
        return;
    lock_take(&p->lock);
    for (struct thread *o = p->threads; o; o = o->next) {
        if (!o->trace || (!all && o != t))
            continue;
        bool first = o->tid == p->pid;
        if (!first || (all && o->trace->tracer_pid != getppid()))
            say_gone(o, status);
    }
    lock_release(&p->lock);
    if (all || !t->trace)
        return;
    trace_block_unmap(t->trace);
    t->trace = NULL;
}
