/* ptrace(2), the tracer's side: requests to tracees, the list of them, what of /proc a debugger
 * reads. Rules of kernel/ptrace.c and arch/x86/kernel/ptrace.c for a 32-bit tracer. */
#include <elf.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/siginfo.h"
#include "core/cpuid.h"
#include "core/xstate.h"
#include "syscalls/priv.h"
#include "syscalls/trace.h"

enum { /* those that not every host's headers name */
    G_PTRACE_TRACEME, G_PTRACE_PEEKTEXT, G_PTRACE_PEEKDATA, G_PTRACE_PEEKUSR, G_PTRACE_POKETEXT,
    G_PTRACE_POKEDATA, G_PTRACE_POKEUSR, G_PTRACE_CONT, G_PTRACE_KILL, G_PTRACE_SINGLESTEP,
    G_PTRACE_GETREGS = 12, G_PTRACE_SETREGS, G_PTRACE_GETFPREGS, G_PTRACE_SETFPREGS,
    G_PTRACE_ATTACH, G_PTRACE_DETACH, G_PTRACE_GETFPXREGS, G_PTRACE_SETFPXREGS,
    G_PTRACE_OLDSETOPTIONS = 21, G_PTRACE_SYSCALL = 24, G_PTRACE_GET_THREAD_AREA,
    G_PTRACE_SET_THREAD_AREA, G_PTRACE_SYSEMU = 31, G_PTRACE_SYSEMU_SINGLESTEP,
    G_PTRACE_SINGLEBLOCK,
    G_PTRACE_SETOPTIONS = 0x4200, G_PTRACE_GETEVENTMSG, G_PTRACE_GETSIGINFO, G_PTRACE_SETSIGINFO,
    G_PTRACE_GETREGSET, G_PTRACE_SETREGSET, G_PTRACE_SEIZE, G_PTRACE_INTERRUPT, G_PTRACE_LISTEN,
    G_PTRACE_PEEKSIGINFO, G_PTRACE_GETSIGMASK, G_PTRACE_SETSIGMASK,
    G_PTRACE_SECCOMP_GET_FILTER = 0x420c, G_PTRACE_SECCOMP_GET_METADATA,
    G_PTRACE_GET_SYSCALL_INFO, G_PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210,
    G_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
};
enum { USER_SIZE = 284, USER_DEBUGREG = 252, REGS_SIZE = REGI_COUNT * 4, FPREGS_SIZE = 108,
       FXREGS_SIZE = 512, TLS_SIZE = TLS_ENTRIES * (int)sizeof(struct guest_user_desc) };
enum { OPTIONS = 0xff | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP, ARCH_I386 = 0x40000003, BUSY_MS = 200 };
#ifndef NT_PRXFPREG
#define NT_PRXFPREG 0x46e62b7f
#endif

struct tracee *tracees;
struct lock tracees_lock;

/* ---- the list ---- */

bool tracer_active(const struct thread *t)
{
    bool any = false;
    if (likely(!__atomic_load_n(&tracees, __ATOMIC_ACQUIRE)))
        return false;
    lock_take(&tracees_lock);
    for (const struct tracee *x = tracees; x && !any; x = x->next)
        any = x->tracer == t->proc->pid;
    lock_release(&tracees_lock);
    return any;
}

/* An entry is removed by its tracer only, so it stays while that is in a call. */
static struct tracee *find(const struct thread *t, int tid)
{
    struct tracee *x;
    lock_take(&tracees_lock);
    for (x = tracees; x && (x->b->tid != tid || x->tracer != t->proc->pid); x = x->next)
        ;
    lock_release(&tracees_lock);
    return x;
}

void tracee_drop(struct tracee *x)
{
    struct tracee **p = &tracees;
    while (*p != x)
        p = &(*p)->next;
    __atomic_store_n(p, x->next, __ATOMIC_RELEASE);
    trace_block_unmap(x->b);
    free(x);
}

static bool is_child(int pid)
{
    siginfo_t i;
    return !HC(SYS_waitid, P_PID, pid, &i, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL, 0);
}

/* A block that takes the place of an older one is that of a program after execve, or about to. */
void tracer_adopt(struct trace_block *b, int tracer)
{
    struct tracee *x = xcalloc(1, sizeof *x);
    x->b = b;
    x->tracer = tracer;
    x->thread = b->pid != b->tid;
    x->child = !x->thread && (b->pid == getpid() ? getppid() == tracer : is_child(b->pid));
    lock_take(&tracees_lock);
    for (struct tracee *o = tracees, *next; o; o = next) {
        next = o->next;
        if (o->b->tid == b->tid && o->tracer == tracer)
            tracee_drop(o);
    }
    x->next = tracees;
    __atomic_store_n(&tracees, x, __ATOMIC_RELEASE);
    lock_release(&tracees_lock);
    trace_accept(b, 0);
}

void tracer_forked(void)
{
    tracees_lock = (struct lock){0};
    while (tracees) { /* what they map was not inherited */
        struct tracee *x = tracees;
        tracees = x->next;
        free(x);
    }
}

/* ---- being told ---- */

/* The host lets only the first thread send the process a signal that looks like the kernel's; when that has ended
 * another one sends it to itself. */
static bool may_tell(const struct thread *t)
{
    return t->tid == t->proc->pid || !trace_alive(t->proc->pid, t->proc->pid);
}

/* The parent learns of a stop as it does of any child's. */
static void tell_program(struct thread *t, const struct trace_block *b)
{
    siginfo_t i;
    const struct guest_sigaction *sa = &t->proc->sigaction[SIGCHLD];
    bool blocked = t->sigmask >> (SIGCHLD - 1) & 1;
    if (sa->handler == 1 || (sa->flags & SA_NOCLDSTOP) || (!sa->handler && !blocked))
        return;
    memset(&i, 0, sizeof i);
    i.si_signo = SIGCHLD;
    i.si_pid = b->tid;
    i.si_uid = getuid();
    bool exited = b->state == TRACE_GONE && !(b->code & 0x7f);
    i.si_status = (int)(exited ? b->code >> 8 : b->code & 0x7f);
    i.si_code = exited                   ? CLD_EXITED
                : b->state == TRACE_GONE ? CLD_KILLED
                : b->kind == TRACE_GROUP ? CLD_STOPPED
                                         : CLD_TRAPPED;
    if (t->tid == t->proc->pid)
        HC(SYS_rt_sigqueueinfo, t->proc->pid, SIGCHLD, &i, 0, 0, 0);
    else
        HC(SYS_rt_tgsigqueueinfo, t->proc->pid, t->tid, SIGCHLD, &i, 0, 0);
}

/* They may wait for what has just happened. */
static void wake_threads(struct thread *t)
{
    lock_take(&t->proc->lock);
    for (const struct thread *o = t->proc->threads; o; o = o->next)
        if (o != t)
            trace_send(t->proc->pid, o->tid, TRACE_LOOK, 0);
    lock_release(&t->proc->lock);
}

static bool may_trace(int pid)
{
    char c;
    struct iovec local = {&c, 1}, remote = {&c, 1}; /* whether it can be read does not matter */
    return HC(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0) != -EPERM;
}

void tracer_attend(struct thread *t)
{
    int from, fd;
    bool news = false;
    while (trace_take(TRACE_ADOPT, t->proc->pid, 0, &from, &fd)) {
        struct trace_block *b = trace_block_open(from, fd);
        bool new = b && b->tracer_pid == t->proc->pid && !b->accepted;
        if (new && (!b->offered || may_trace(b->pid))) {
            tracer_adopt(b, t->proc->pid);
            news = true;
        } else if (new) {
            trace_accept(b, -EPERM);
            trace_block_unmap(b);
        } else {
            trace_block_unmap(b); /* asked twice */
        }
    }
    if (!tracees)
        return;
    bool tells = may_tell(t), others = false;
    lock_take(&tracees_lock);
    for (struct tracee *x = tracees; x; x = x->next) {
        struct trace_block *b = x->b;
        uint32_t state = __atomic_load_n(&b->state, __ATOMIC_ACQUIRE);
        if (x->tracer != t->proc->pid || state == TRACE_RUNNING || __atomic_load_n(&b->notified, __ATOMIC_ACQUIRE))
            continue;
        others |= !tells;
        if (!tells || __atomic_exchange_n(&b->notified, 1, __ATOMIC_ACQ_REL))
            continue;
        tell_program(t, b);
        news = true;
    }
    lock_release(&tracees_lock);
    if (others)
        trace_send(t->proc->pid, t->proc->pid, TRACE_LOOK, 0);
    if (news && t->proc->nthreads > 1)
        wake_threads(t);
}

/* Gives the tracee a request; its number. */
static uint32_t post(struct trace_block *b, enum trace_request what, uint32_t addr, uint32_t data)
{
    uint32_t n = b->ask + 1;
    b->request = what;
    b->addr = addr;
    b->data = data;
    __atomic_store_n(&b->ask, n, __ATOMIC_RELEASE);
    trace_futex_wake(&b->ask);
    return n;
}

void tracer_ends(struct thread *t)
{
    if (!tracees)
        return;
    lock_take(&tracees_lock);
    for (struct tracee *x = tracees; x; x = x->next) {
        if (x->tracer != t->proc->pid)
            continue;
        if (x->b->options & PTRACE_O_EXITKILL)
            kill(x->b->pid, SIGKILL);
        /* one that stops at this moment sees the one or the other */
        __atomic_or_fetch(&x->b->want, (uint32_t)TRACE_WANT_DETACH, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&x->b->state, __ATOMIC_SEQ_CST) == TRACE_STOPPED)
            post(x->b, TRACE_DETACH, TRACE_CONT, 0);
        else
            trace_send(x->b->pid, x->b->tid, TRACE_LOOK, 0);
    }
    lock_release(&tracees_lock);
}

/* ---- beginning ---- */

/* An emulator's vfork may be a fork, and no parent waits then; such an emulator does not know this call, either. */
static bool may_be_copied(int pid)
{
    char c;
    struct iovec local = {&c, 1}, remote = {&c, 1};
    return HC(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0) == -ENOSYS;
}

/* A parent whose memory this process borrows waits for it to leave that, and cannot answer. */
int tracer_inform(const struct thread *t, struct trace_block *b, int fd)
{
    bool borrows = t->proc->memory_parent == b->tracer_pid;
    if (!borrows || may_be_copied(b->tracer_pid)) {
        int r = trace_introduce(b, fd, TRACE_ADOPT, b->tracer_pid, b->tracer_tid);
        if (!r || !borrows)
            return r;
    }
    struct trace_block *other = trace_block_map(fd);
    if (!other)
        return -ENOMEM;
    tracer_adopt(other, b->tracer_pid);
    return 0;
}

static int64_t trace_me(struct thread *t)
{
    int fd, parent = getppid(), r = 0;
    if (t->trace || t->trace_claimed)
        return -EPERM;
    if (t->proc->memory_parent != parent && !trace_same_program(parent)) {
        log_event("ptrace: the parent is no program that xrun runs and will learn nothing");
        t->trace_claimed = true;
        return 0;
    }
    struct trace_block *b = trace_block_new(&fd);
    if (!b)
        return -ENOMEM;
    b->pid = t->proc->pid;
    b->tid = t->tid;
    b->tracer_pid = b->tracer_tid = parent;
    b->offered = 1;
    t->trace = b;
    runtime_hooks.trace_begun(t);
    r = tracer_inform(t, b, fd);
    close(fd);
    if (r) {
        t->trace = NULL;
        trace_block_unmap(b);
    }
    return r;
}

/* The process of a thread; 0 if there is none. */
static int process_of(int tid)
{
    char path[64], text[1024];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    const char *p = proc_read(path, text, sizeof text) > 0 ? strstr(text, "\nTgid:") : NULL;
    if (p)
        sscanf(p, "\nTgid: %d", &pid);
    return pid;
}

static bool may_suspend(const struct thread *t, uint32_t options)
{
    return !(options & PTRACE_O_SUSPEND_SECCOMP) ||
           (has_capability(21 /* CAP_SYS_ADMIN */) && !seccomp_mode(t));
}

static int64_t attach(struct thread *t, int tid, uint32_t addr, uint32_t options, bool seize)
{
    int fd, pid = tid > 0 ? process_of(tid) : 0;
    if (!pid)
        return -ESRCH;
    if (seize && (addr || (options & ~(uint32_t)OPTIONS)))
        return -EIO;
    if (pid == t->proc->pid || find(t, tid) || !may_trace(pid) || !may_suspend(t, options))
        return -EPERM;
    if (!trace_same_program(pid)) {
        log_event("ptrace: process %d is no program that xrun runs", pid);
        return -EPERM;
    }
    struct trace_block *b = trace_block_new(&fd);
    if (!b)
        return -ENOMEM;
    b->pid = pid;
    b->tid = tid;
    b->tracer_pid = t->proc->pid;
    b->tracer_tid = t->tid;
    b->seized = seize;
    b->options = seize ? options : 0;
    b->want = seize ? 0 : TRACE_WANT_SIGSTOP;
    b->stop_from.si_code = SI_KERNEL;
    if (trace_state(pid, tid) == 'T') { /* shows that first, though it must run to do so */
        b->want |= TRACE_WANT_GROUP;
        b->group_sig = SIGSTOP;
        trace_send(pid, tid, TRACE_ATTACH, fd); /* it must find that when it wakes */
        trace_send_continue(pid);
    }
    int r = trace_introduce(b, fd, TRACE_ATTACH, pid, tid);
    close(fd);
    if (r)
        trace_block_unmap(b);
    else
        tracer_adopt(b, t->proc->pid);
    return r;
}

int tracer_attach(struct thread *t, int tid, uint32_t options)
{
    return (int)attach(t, tid, 0, options, true);
}

/* ---- requests that the tracee serves ---- */

int64_t tracer_ask(struct trace_block *b, enum trace_request what, uint32_t addr, uint32_t data)
{
    uint32_t n = post(b, what, addr, data);
    for (uint32_t done; (done = __atomic_load_n(&b->answered, __ATOMIC_ACQUIRE)) != n;) {
        trace_futex_wait(&b->answered, done, BUSY_MS);
        if (__atomic_load_n(&b->answered, __ATOMIC_ACQUIRE) != n && !trace_alive(b->pid, b->tid))
            return -ESRCH;
    }
    return b->result;
}

/* `size` bytes that the tracee gives, to the tracer's memory. */
static int64_t get(struct trace_block *b, enum trace_request what, uint32_t to, uint32_t size)
{
    int64_t r = tracer_ask(b, what, 0, 0);
    return r < 0 ? r : mem_write(to, b->buf, size) ? -EFAULT : 0;
}

static int64_t set(struct trace_block *b, enum trace_request what, uint32_t from, uint32_t size)
{
    if (mem_read(b->buf, from, size))
        return -EFAULT;
    return tracer_ask(b, what, 0, size);
}

static int64_t peek(struct trace_block *b, uint32_t addr, uint32_t to)
{
    int64_t r = tracer_ask(b, TRACE_PEEK, addr, 4);
    return r < 0 ? r : mem_write(to, b->buf, 4) ? -EFAULT : 0;
}

static int64_t poke(struct trace_block *b, uint32_t addr, uint32_t value)
{
    memcpy(b->buf, &value, 4);
    return tracer_ask(b, TRACE_POKE, addr, 4);
}

/* The fields of struct user but the registers read as zero. */
static int64_t peek_user(struct trace_block *b, uint32_t off, uint32_t to)
{
    uint32_t v = 0;
    int64_t r = 0;
    if (off > USER_SIZE || (off & 3))
        return -EIO;
    if (off < REGS_SIZE) {
        r = tracer_ask(b, TRACE_GET_REGS, 0, 0);
        memcpy(&v, b->buf + off, 4);
    } else if (off >= USER_DEBUGREG && off < USER_SIZE) {
        r = tracer_ask(b, TRACE_GET_DEBUGREG, (off - USER_DEBUGREG) / 4, 0);
        memcpy(&v, b->buf, 4);
    }
    return r < 0 ? r : mem_write32(to, v) ? -EFAULT : 0;
}

static int64_t poke_user(struct trace_block *b, uint32_t off, uint32_t v)
{
    if (off > USER_SIZE || (off & 3))
        return -EIO;
    if (off < REGS_SIZE)
        return tracer_ask(b, TRACE_SET_REG, off / 4, v);
    if (off >= USER_DEBUGREG && off < USER_SIZE)
        return tracer_ask(b, TRACE_SET_DEBUGREG, (off - USER_DEBUGREG) / 4, v);
    return 0;
}

static const struct regset {
    uint32_t type;
    uint16_t unit, size;
    uint8_t get, set;
} regsets[] = {
    {NT_PRSTATUS, 4, REGS_SIZE, TRACE_GET_REGS, TRACE_SET_REGS},
    {NT_FPREGSET, 4, FPREGS_SIZE, TRACE_GET_FPREGS, TRACE_SET_FPREGS},
    {NT_PRXFPREG, 4, FXREGS_SIZE, TRACE_GET_FXREGS, TRACE_SET_FXREGS},
    {NT_X86_XSTATE, 8, 0 /* by the model */, TRACE_GET_XSTATE, TRACE_SET_XSTATE},
    {NT_386_TLS, 16, TLS_SIZE, TRACE_GET_TLS, TRACE_SET_TLS},
};

static int64_t regset(struct trace_block *b, uint32_t type, uint32_t iov, bool write)
{
    struct i386_iovec v;
    const struct regset *s = regsets;
    if (mem_read(&v, iov, sizeof v))
        return -EFAULT;
    while (s < regsets + ARRAY_SIZE(regsets) && s->type != type)
        s++;
    if (s == regsets + ARRAY_SIZE(regsets))
        return -EINVAL;
    if (type == NT_X86_XSTATE && !cpuid_xcr0())
        return -ENODEV;
    if (v.len % s->unit)
        return -EINVAL;
    uint32_t size = type == NT_X86_XSTATE ? xstate_size() : s->size;
    if (v.len > size)
        v.len = size;
    if (type == NT_X86_XSTATE && write && v.len != size)
        return -EFAULT;
    int64_t r = write ? set(b, s->set, v.base, v.len) : get(b, s->get, v.base, v.len);
    if (r < 0)
        return r;
    return mem_write32(iov + 4, v.len) ? -EFAULT : 0;
}

static int64_t thread_area(struct trace_block *b, int index, uint32_t at, bool write)
{
    struct guest_user_desc d[TLS_ENTRIES];
    unsigned i = (unsigned)(index - TLS_FIRST_ENTRY);
    if (index < 0)
        return -EIO;
    if (write && mem_read(&d[0], at, sizeof d[0]))
        return -EFAULT;
    if (i >= TLS_ENTRIES)
        return -EINVAL;
    if (write) {
        d[0].entry_number = (uint32_t)index;
        memcpy(b->buf, &d[0], sizeof d[0]);
        return tracer_ask(b, TRACE_SET_TLS, 0, sizeof d[0]);
    }
    int64_t r = tracer_ask(b, TRACE_GET_TLS, 0, 0);
    memcpy(d, b->buf, sizeof d);
    return r < 0 ? r : mem_write(at, &d[i], sizeof d[i]) ? -EFAULT : 0;
}

static int64_t signal_mask(struct trace_block *b, uint32_t size, uint32_t at, bool write)
{
    if (size != 8)
        return -EINVAL;
    return write ? set(b, TRACE_SET_SIGMASK, at, 8) : get(b, TRACE_GET_SIGMASK, at, 8);
}

/* ---- what a stop says of itself ---- */

static int64_t set_siginfo(struct trace_block *b, uint32_t at)
{
    siginfo_t i;
    if (abi_read_siginfo(&i, at))
        return -EFAULT;
    if (!b->has_info)
        return -EINVAL;
    b->info = i;
    return 0;
}

/* The pending signals from number `off` on, of the thread or the process. */
static int64_t peek_pending(struct trace_block *b, uint32_t args, uint32_t to)
{
    enum { SHARED = 1, G_SIGINFO_SIZE = 128 };
    struct { uint64_t off; uint32_t flags; int32_t nr; } a;
    if (mem_read(&a, args, sizeof a))
        return -EFAULT;
    if ((a.flags & ~(uint32_t)SHARED) || a.nr < 0)
        return -EINVAL;
    int32_t done = 0;
    while (done < a.nr && a.off + (uint32_t)done <= INT32_MAX) {
        int64_t n = tracer_ask(b, TRACE_GET_PENDING, (uint32_t)a.off + (uint32_t)done, a.flags);
        if (n <= 0)
            return n ? n : done;
        for (int i = 0; i < n && done < a.nr; i++, done++) {
            siginfo_t info;
            memcpy(&info, b->buf + (size_t)i * sizeof info, sizeof info);
            if (abi_write_siginfo(to + (uint32_t)done * G_SIGINFO_SIZE, &info))
                return done ? done : -EFAULT;
        }
    }
    return done;
}

/* struct ptrace_sud_config, the same on every architecture. */
static int64_t dispatch_config(struct trace_block *b, uint32_t size, uint32_t at, bool write)
{
    enum { CONFIG_SIZE = 32 };
    if (size != CONFIG_SIZE)
        return -EINVAL;
    return write ? set(b, TRACE_SET_DISPATCH, at, size) : get(b, TRACE_GET_DISPATCH, at, size);
}

/* struct ptrace_syscall_info, the same on every architecture. */
static int64_t syscall_info(struct trace_block *b, uint32_t size, uint32_t at)
{
    struct __ptrace_syscall_info i;
    uint32_t *r = (uint32_t *)(void *)b->buf;
    static const uint8_t args[] = {REGI_EBX, REGI_ECX, REGI_EDX, REGI_ESI, REGI_EDI, REGI_EBP};
    size_t n = offsetof(struct __ptrace_syscall_info, entry);
    int64_t e = tracer_ask(b, TRACE_GET_REGS, 0, 0);
    if (e < 0)
        return e;
    memset(&i, 0, sizeof i);
    i.arch = ARCH_I386;
    i.instruction_pointer = r[REGI_EIP];
    i.stack_pointer = r[REGI_ESP];
    bool told = b->has_info && b->info.si_code == (SIGTRAP | 0x80); /* PTRACE_O_TRACESYSGOOD */
    if ((b->kind == TRACE_CALL_ENTRY && told) || b->kind == TRACE_SECCOMP) {
        i.op = b->kind == TRACE_SECCOMP ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
        i.seccomp.nr = r[REGI_ORIG_EAX];
        for (int k = 0; k < 6; k++)
            i.seccomp.args[k] = r[args[k]];
        n = offsetof(struct __ptrace_syscall_info, seccomp.args) + sizeof i.entry.args;
        if (b->kind == TRACE_SECCOMP) {
            i.seccomp.ret_data = (uint32_t)b->message;
            n = offsetof(struct __ptrace_syscall_info, seccomp.ret_data) + 4;
        }
    } else if (b->kind == TRACE_CALL_EXIT && told) {
        i.op = PTRACE_SYSCALL_INFO_EXIT;
        i.exit.rval = (int32_t)r[REGI_EAX];
        i.exit.is_error = r[REGI_EAX] > (uint32_t)-4096;
        n = offsetof(struct __ptrace_syscall_info, exit.is_error) + 1;
    }
    if (mem_write(at, &i, n < size ? n : size))
        return -EFAULT;
    return (int64_t)n;
}

static int64_t set_options(struct trace_block *b, uint32_t options)
{
    if (options & ~(uint32_t)OPTIONS)
        return -EINVAL;
    if (!may_suspend(thread_self, options))
        return -EPERM;
    b->options = options;
    return 0;
}

/* ---- going on ---- */

static int64_t resume(struct tracee *x, enum trace_request what, enum trace_mode mode, uint32_t sig)
{
    if (sig > NSIG_GUEST)
        return -EIO;
    int pid = x->b->pid, tid = x->b->tid;
    bool stopped = x->b->group_stopped; /* and will be by the host when it is let go */
    x->b->reported = 0;
    int64_t r = tracer_ask(x->b, what, mode, sig);
    if (what == TRACE_DETACH) {
        for (int i = 0; stopped && i < BUSY_MS && trace_state(pid, tid) != 'T'; i++)
            trace_pause();
        lock_take(&tracees_lock);
        tracee_drop(x);
        lock_release(&tracees_lock);
    }
    return r;
}

static int64_t interrupt(struct trace_block *b)
{
    if (!b->seized)
        return -EIO;
    __atomic_or_fetch(&b->want, (uint32_t)TRACE_WANT_INTERRUPT, __ATOMIC_ACQ_REL);
    return trace_send(b->pid, b->tid, TRACE_LOOK, 0);
}

/* Only after a group stop that it can tell from one by the tracer. */
static int64_t listen(struct trace_block *b)
{
    if (!b->seized || b->code >> 8 != PTRACE_EVENT_STOP)
        return -EIO;
    return tracer_ask(b, TRACE_LISTEN, 0, 0);
}

static bool may_see_filters(void)
{
    return has_capability(21 /* CAP_SYS_ADMIN */) && !seccomp_mode(thread_self);
}

static int64_t get_filter(struct trace_block *b, uint32_t nth, uint32_t to)
{
    struct seccomp_part *part = (struct seccomp_part *)(void *)b->buf;
    uint32_t from = 0;
    int64_t r;
    if (!may_see_filters())
        return -EACCES;
    do {
        r = tracer_ask(b, TRACE_GET_FILTER, nth, from);
        if (r < 0 || !to)
            return r;
        if (mem_write(to + from * 8, part->insn, part->n * sizeof *part->insn))
            return -EFAULT;
        from += part->n;
    } while (from < r);
    return r;
}

static int64_t get_metadata(struct trace_block *b, uint32_t size, uint32_t at)
{
    struct { uint64_t nth, flags; } m;
    if (!may_see_filters())
        return -EACCES;
    if (size < sizeof m.nth)
        return -EINVAL;
    if (mem_read(&m.nth, at, sizeof m.nth))
        return -EFAULT;
    int64_t r = tracer_ask(b, TRACE_GET_FILTER, m.nth > UINT32_MAX ? UINT32_MAX : (uint32_t)m.nth, 0);
    if (r < 0)
        return r;
    m.flags = ((const struct seccomp_part *)(const void *)b->buf)->log ? SECCOMP_FILTER_FLAG_LOG : 0;
    size = size < sizeof m ? size : (uint32_t)sizeof m;
    return mem_write(at, &m, size) ? -EFAULT : (int64_t)size;
}

static int64_t stopped_request(struct tracee *x, uint32_t request, uint32_t addr, uint32_t data)
{
    struct trace_block *b = x->b;
    switch (request) {
    case G_PTRACE_PEEKTEXT: case G_PTRACE_PEEKDATA: return peek(b, addr, data);
    case G_PTRACE_POKETEXT: case G_PTRACE_POKEDATA: return poke(b, addr, data);
    case G_PTRACE_PEEKUSR: return peek_user(b, addr, data);
    case G_PTRACE_POKEUSR: return poke_user(b, addr, data);
    case G_PTRACE_CONT: return resume(x, TRACE_RESUME, TRACE_CONT, data);
    case G_PTRACE_SYSCALL: return resume(x, TRACE_RESUME, TRACE_SYSCALL, data);
    case G_PTRACE_SINGLESTEP: return resume(x, TRACE_RESUME, TRACE_STEP, data);
    case G_PTRACE_SINGLEBLOCK: return resume(x, TRACE_RESUME, TRACE_BLOCK, data);
    case G_PTRACE_SYSEMU: return resume(x, TRACE_RESUME, TRACE_SYSEMU, data);
    case G_PTRACE_SYSEMU_SINGLESTEP: return resume(x, TRACE_RESUME, TRACE_SYSEMU_STEP, data);
    case G_PTRACE_DETACH: return resume(x, TRACE_DETACH, TRACE_CONT, data);
    case G_PTRACE_LISTEN: return listen(b);
    case G_PTRACE_GETREGS: return get(b, TRACE_GET_REGS, data, REGS_SIZE);
    case G_PTRACE_SETREGS: return set(b, TRACE_SET_REGS, data, REGS_SIZE);
    case G_PTRACE_GETFPREGS: return get(b, TRACE_GET_FPREGS, data, FPREGS_SIZE);
    case G_PTRACE_SETFPREGS: return set(b, TRACE_SET_FPREGS, data, FPREGS_SIZE);
    case G_PTRACE_GETFPXREGS: return get(b, TRACE_GET_FXREGS, data, FXREGS_SIZE);
    case G_PTRACE_SETFPXREGS: return set(b, TRACE_SET_FXREGS, data, FXREGS_SIZE);
    case G_PTRACE_GETREGSET: return regset(b, addr, data, false);
    case G_PTRACE_SETREGSET: return regset(b, addr, data, true);
    case G_PTRACE_GET_THREAD_AREA: return thread_area(b, (int)addr, data, false);
    case G_PTRACE_SET_THREAD_AREA: return thread_area(b, (int)addr, data, true);
    case G_PTRACE_OLDSETOPTIONS: case G_PTRACE_SETOPTIONS: return set_options(b, data);
    case G_PTRACE_GETEVENTMSG: return mem_write32(data, (uint32_t)b->message) ? -EFAULT : 0;
    case G_PTRACE_GETSIGINFO:
        return !b->has_info ? -EINVAL : abi_write_siginfo(data, &b->info) ? -EFAULT : 0;
    case G_PTRACE_SETSIGINFO: return set_siginfo(b, data);
    case G_PTRACE_GETSIGMASK: return signal_mask(b, addr, data, false);
    case G_PTRACE_SETSIGMASK: return signal_mask(b, addr, data, true);
    case G_PTRACE_PEEKSIGINFO: return peek_pending(b, addr, data);
    case G_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG: return dispatch_config(b, addr, data, false);
    case G_PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG: return dispatch_config(b, addr, data, true);
    case G_PTRACE_SECCOMP_GET_FILTER: return get_filter(b, addr, data);
    case G_PTRACE_SECCOMP_GET_METADATA: return get_metadata(b, addr, data);
    case G_PTRACE_GET_SYSCALL_INFO: return syscall_info(b, addr, data);
    default: log_event("ptrace(%#x) refused: unknown or not built", request); return -EIO;
    }
}

SYSCALL(ptrace) /* request, pid, addr, data */
{
    int pid = (int)c->a[1];
    switch (c->a[0]) {
    case G_PTRACE_TRACEME: return trace_me(c->t);
    case G_PTRACE_ATTACH: return attach(c->t, pid, 0, 0, false);
    case G_PTRACE_SEIZE: return attach(c->t, pid, c->a[2], c->a[3], true);
    }
    tracer_attend(c->t);
    struct tracee *x = find(c->t, pid);
    if (!x)
        return -ESRCH;
    if (c->a[0] == G_PTRACE_KILL)
        return HC(SYS_kill, x->b->pid, SIGKILL, 0, 0, 0, 0);
    if (c->a[0] == G_PTRACE_INTERRUPT)
        return interrupt(x->b);
    if (__atomic_load_n(&x->b->state, __ATOMIC_ACQUIRE) != TRACE_STOPPED || x->b->listening)
        return -ESRCH;
    return stopped_request(x, c->a[0], c->a[2], c->a[3]);
}

/* ---- what else a tracer does ---- */

/* The kernel would stop the process at once, wherever it is. */
bool tracer_stops(struct thread *t, int pid, int tid, int code)
{
    struct trace_block *b = NULL;
    if (t->trace && (tid ? tid == t->tid : pid == t->proc->pid)) {
        b = t->trace;
    } else {
        lock_take(&tracees_lock);
        for (struct tracee *x = tracees; x && !b; x = x->next)
            if (x->tracer == t->proc->pid && (tid ? x->b->tid == tid : x->b->pid == pid))
                b = x->b;
        lock_release(&tracees_lock);
    }
    if (!b)
        return false;
    memset(&b->stop_from, 0, sizeof b->stop_from);
    b->stop_from.si_code = code;
    b->stop_from.si_pid = t->proc->pid;
    b->stop_from.si_uid = getuid();
    __atomic_or_fetch(&b->want, (uint32_t)TRACE_WANT_SIGSTOP, __ATOMIC_ACQ_REL);
    if (b == t->trace)
        t->cpu.pending = t->trace_look = 1;
    else
        trace_send(b->pid, b->tid, TRACE_LOOK, 0);
    return true;
}

/* "/proc/PID/NAME" or "/proc/PID/task/TID/NAME" of a tracee: *name. */
static struct trace_block *proc_of_tracee(const char *path, const char **name)
{
    char *end;
    if (likely(!tracees) || strncmp(path, "/proc/", 6))
        return NULL;
    long id = strtol(path + 6, &end, 10);
    if (*end == '/' && !strncmp(end, "/task/", 6))
        id = strtol(end + 6, &end, 10);
    struct tracee *x = *end == '/' ? find(thread_self, (int)id) : NULL;
    *name = end + 1;
    return x ? x->b : NULL;
}

static int64_t ask_name(struct trace_block *b, const char *name)
{
    if (__atomic_load_n(&b->state, __ATOMIC_ACQUIRE) != TRACE_STOPPED || strlen(name) >= TRACE_DATA)
        return -1;
    memcpy(b->buf, name, strlen(name) + 1);
    return tracer_ask(b, TRACE_OPEN_PROC, 0, 0);
}

int64_t tracer_open_proc(const char *path, int host_flags)
{
    char own[64];
    const char *name;
    struct trace_block *b = proc_of_tracee(path, &name);
    if (!b)
        return -1;
    if (!strcmp(name, "mem") && (host_flags & O_ACCMODE) != O_RDONLY)
        b->memory_open = 1;
    if (!strcmp(name, "mem") || !strcmp(name, "exe"))
        return -1;
    int64_t fd = ask_name(b, name);
    if (fd < 0)
        return -1;
    snprintf(own, sizeof own, "/proc/%d/fd/%d", b->pid, (int)fd);
    int64_t r = HC(SYS_openat, AT_FDCWD, own, O_RDONLY | (host_flags & O_CLOEXEC), 0, 0, 0);
    tracer_ask(b, TRACE_CLOSE, (uint32_t)fd, 0);
    return r;
}

int tracer_read_exe(const char *path, char *buf, size_t size)
{
    const char *name;
    struct trace_block *b = proc_of_tracee(path, &name);
    if (!b || strcmp(name, "exe"))
        return -1;
    int64_t n = ask_name(b, name);
    if (n < 0)
        return -1;
    if ((size_t)n > size)
        n = (int64_t)size;
    memcpy(buf, b->buf, (size_t)n);
    return (int)n;
}
