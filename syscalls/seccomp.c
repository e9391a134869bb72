/* seccomp: the guest's filters run here, on the guest's numbers, arguments and addresses, before a
 * system call is made (kernel/seccomp.c, net/core/filter.c for what a filter may be). A program of the
 * host that the guest executes is not filtered. User notification is in notify.c. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/priv.h"
#include "syscalls/trace.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif

enum { CODE_SYS_SECCOMP = 1 }; /* si_code */
enum { G_READ = 3, G_WRITE = 4, G_EXIT = 1, G_SIGRETURN = 119 }; /* all that strict mode allows */
enum { LISTENER_HAS = 1, LISTENER_KILLABLE = 2 /* who only deadly signals interrupt */ };
enum { COST_OF_FILTER = 4, COST_MAX = 32768, ERRNO_MAX = 4095 };

/* Immutable but for `users`; each has those attached before it behind it. */
struct seccomp_filter {
    struct seccomp_filter *next;
    int users;      /* threads whose newest it is, and newer filters */
    unsigned cost;  /* as the kernel counts: instructions of its own kind */
    bool log;
    uint8_t listener; /* somebody is to be asked about its SECCOMP_RET_USER_NOTIF: HAS, KILLABLE */
    uint32_t n;
    struct sock_filter insn[];
};
_Static_assert(sizeof(struct seccomp_filter) == offsetof(struct seccomp_filter, insn),
              "seccomp_save writes both in one piece");

/* ---- what the kernel accepts ---- */

enum insn_class {
    BAD, PLAIN, LOAD_DATA, LOAD_LEN, DIVIDE_K, SHIFT_K, MEM_STORE, MEM_LOAD, GO, BRANCH, RETURN,
};

#define ALU_BOTH(op, k_class)                                                                      \
    [BPF_ALU | op | BPF_K] = k_class, [BPF_ALU | op | BPF_X] = PLAIN
#define JUMP_BOTH(op)                                                                              \
    [BPF_JMP | op | BPF_K] = BRANCH, [BPF_JMP | op | BPF_X] = BRANCH
static const uint8_t classes[256] = {
    [BPF_LD | BPF_W | BPF_ABS] = LOAD_DATA,
    [BPF_LD | BPF_W | BPF_LEN] = LOAD_LEN, [BPF_LDX | BPF_W | BPF_LEN] = LOAD_LEN,
    [BPF_LD | BPF_IMM] = PLAIN, [BPF_LDX | BPF_IMM] = PLAIN,
    [BPF_LD | BPF_MEM] = MEM_LOAD, [BPF_LDX | BPF_MEM] = MEM_LOAD,
    [BPF_ST] = MEM_STORE, [BPF_STX] = MEM_STORE,
    ALU_BOTH(BPF_ADD, PLAIN), ALU_BOTH(BPF_SUB, PLAIN), ALU_BOTH(BPF_MUL, PLAIN),
    ALU_BOTH(BPF_DIV, DIVIDE_K), ALU_BOTH(BPF_AND, PLAIN), ALU_BOTH(BPF_OR, PLAIN),
    ALU_BOTH(BPF_XOR, PLAIN), ALU_BOTH(BPF_LSH, SHIFT_K), ALU_BOTH(BPF_RSH, SHIFT_K),
    [BPF_ALU | BPF_NEG] = PLAIN, [BPF_MISC | BPF_TAX] = PLAIN, [BPF_MISC | BPF_TXA] = PLAIN,
    [BPF_JMP | BPF_JA] = GO,
    JUMP_BOTH(BPF_JEQ), JUMP_BOTH(BPF_JGE), JUMP_BOTH(BPF_JGT), JUMP_BOTH(BPF_JSET),
    [BPF_RET | BPF_K] = RETURN, [BPF_RET | BPF_A] = RETURN,
};

static enum insn_class class_of(const struct sock_filter *f)
{
    return f->code < ARRAY_SIZE(classes) ? classes[f->code] : BAD;
}

/* `left`: how many instructions come behind it. */
static bool insn_valid(const struct sock_filter *f, uint32_t left)
{
    switch (class_of(f)) {
    case BAD: return false;
    case LOAD_DATA: return f->k < sizeof(struct seccomp_data) && !(f->k & 3);
    case DIVIDE_K: return f->k != 0;
    case SHIFT_K: return f->k < 32;
    case MEM_STORE: case MEM_LOAD: return f->k < BPF_MEMWORDS;
    case GO: return f->k < left;
    case BRANCH: return f->jt < left && f->jf < left;
    case PLAIN: case LOAD_LEN: case RETURN: return true;
    }
    return false;
}

/* Is every word of scratch memory written on all ways to where it is read? */
static bool memory_valid(const struct sock_filter *f, uint32_t n)
{
    uint16_t *at = xmalloc(n * sizeof *at), written = 0;
    bool ok = true;
    memset(at, 0xff, n * sizeof *at); /* which words are written on every way here */
    for (uint32_t i = 0; i < n && ok; i++) {
        written &= at[i];
        switch (class_of(&f[i])) {
        case MEM_STORE: written |= (uint16_t)(1u << f[i].k); break;
        case MEM_LOAD: ok = written >> f[i].k & 1; break;
        case GO:
            at[i + 1 + f[i].k] &= written;
            written = 0xffff;
            break;
        case BRANCH:
            at[i + 1 + f[i].jt] &= written;
            at[i + 1 + f[i].jf] &= written;
            written = 0xffff;
            break;
        default: break;
        }
    }
    free(at);
    return ok;
}

static bool program_valid(const struct sock_filter *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!insn_valid(&f[i], n - i - 1))
            return false;
    return class_of(&f[n - 1]) == RETURN && memory_valid(f, n);
}

/* Instructions of the kernel's inner form that a filter becomes (bpf_convert_filter). */
static unsigned program_cost(const struct sock_filter *f, uint32_t n)
{
    unsigned cost = 3;
    for (uint32_t i = 0; i < n; i++, cost++) {
        if (f[i].code == (BPF_ALU | BPF_DIV | BPF_X))
            cost += 3;
        else if (f[i].code == (BPF_RET | BPF_K))
            cost++;
        if (class_of(&f[i]) != BRANCH)
            continue;
        bool set = BPF_OP(f[i].code) == BPF_JSET; /* has no inverse */
        cost += BPF_SRC(f[i].code) == BPF_K && f[i].k >> 31;
        cost += f[i].jf && (f[i].jt || set);
    }
    return cost;
}

/* ---- running ---- */

static uint32_t alu(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_ADD: return a + b;
    case BPF_SUB: return a - b;
    case BPF_MUL: return a * b;
    case BPF_DIV: return a / b;
    case BPF_AND: return a & b;
    case BPF_OR: return a | b;
    case BPF_XOR: return a ^ b;
    case BPF_LSH: return a << (b & 31);
    case BPF_RSH: return a >> (b & 31);
    default: return -a; /* BPF_NEG */
    }
}

static bool holds(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ: return a == b;
    case BPF_JGE: return a >= b;
    case BPF_JGT: return a > b;
    default: return a & b; /* BPF_JSET */
    }
}

static uint32_t run(const struct seccomp_filter *filter, const struct seccomp_data *d)
{
    uint32_t a = 0, x = 0, mem[BPF_MEMWORDS];
    for (const struct sock_filter *f = filter->insn;; f++) {
        uint32_t v = BPF_SRC(f->code) == BPF_X ? x : f->k;
        switch (f->code) {
        case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)d + f->k, 4); break;
        case BPF_LD | BPF_W | BPF_LEN: a = sizeof *d; break;
        case BPF_LDX | BPF_W | BPF_LEN: x = sizeof *d; break;
        case BPF_LD | BPF_IMM: a = f->k; break;
        case BPF_LDX | BPF_IMM: x = f->k; break;
        case BPF_LD | BPF_MEM: a = mem[f->k]; break;
        case BPF_LDX | BPF_MEM: x = mem[f->k]; break;
        case BPF_ST: mem[f->k] = a; break;
        case BPF_STX: mem[f->k] = x; break;
        case BPF_MISC | BPF_TAX: x = a; break;
        case BPF_MISC | BPF_TXA: a = x; break;
        case BPF_JMP | BPF_JA: f += f->k; break;
        case BPF_RET | BPF_K: return f->k;
        case BPF_RET | BPF_A: return a;
        default:
            if (BPF_CLASS(f->code) == BPF_JMP)
                f += holds(f->code, a, v) ? f->jt : f->jf;
            else if (BPF_OP(f->code) == BPF_DIV && !v)
                return 0;
            else
                a = alu(f->code, a, v);
        }
    }
}

/* The strictest of all verdicts, the newest filter's among equals; that filter has a *listener. */
static uint32_t verdict(const struct sysctx *c, uint8_t *listener)
{
    const struct cpu *cpu = &c->t->cpu;
    struct seccomp_data d = {.nr = (int)c->nr, .arch = AUDIT_ARCH_I386,
                             .instruction_pointer = cpu->eip - cpu->seg_base[SEG_CS]};
    uint32_t r = SECCOMP_RET_ALLOW;
    for (int i = 0; i < 6; i++)
        d.args[i] = c->a[i];
    for (const struct seccomp_filter *f = __atomic_load_n(&c->t->seccomp, __ATOMIC_ACQUIRE); f;
         f = f->next) {
        uint32_t v = run(f, &d);
        if ((int32_t)(v & SECCOMP_RET_ACTION_FULL) < (int32_t)(r & SECCOMP_RET_ACTION_FULL)) {
            r = v;
            *listener = f->listener;
        }
    }
    return r;
}

/* SIGSYS: the registers are those before the call. */
static void force_sigsys(struct sysctx *c, uint32_t data, bool fatal)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = SIGSYS;
    i.si_errno = (int)data;
    i.si_code = CODE_SYS_SECCOMP;
    i.si_call_addr = (void *)(uintptr_t)(c->t->cpu.eip - c->t->cpu.seg_base[SEG_CS]);
    i.si_syscall = (int)c->nr;
    i.si_arch = AUDIT_ARCH_I386;
    c->t->cpu.gpr[REG_EAX] = c->nr;
    runtime_hooks.force_signal(c->t, &i, fatal);
}

static bool decide(struct sysctx *c, int64_t *r);

static bool strict_allows(const struct sysctx *c)
{
    if (c->nr == G_READ || c->nr == G_WRITE || c->nr == G_EXIT || c->nr == G_SIGRETURN)
        return true;
    runtime_hooks.exit_killed(c->t, SIGKILL);
}

/* The tracer decides, and may change the call, which is then looked at again; once. False if it is not
 * made. */
static bool ask_tracer(struct sysctx *c, uint32_t data, int64_t *r)
{
    bool made;
    uint8_t listener;
    *r = -ENOSYS;
    if (!runtime_hooks.trace_seccomp(c->t, data, &made))
        return false;
    sysctx_load(c);
    *r = SYSRET_DONE;
    if (!made)
        return false;
    uint32_t action = verdict(c, &listener) & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_TRACE || decide(c, r);
}

bool seccomp_allows(struct sysctx *c, int64_t *r)
{
    struct thread *t = c->t;
    if (t->trace && (t->trace->options & PTRACE_O_SUSPEND_SECCOMP))
        return true;
    if (t->syscall_work & WORK_NO_PRIVS) {
        HC(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
        __atomic_and_fetch(&t->syscall_work, ~(uint32_t)WORK_NO_PRIVS, __ATOMIC_ACQ_REL);
    }
    return t->seccomp ? decide(c, r) : strict_allows(c);
}

static bool decide(struct sysctx *c, int64_t *r)
{
    struct thread *t = c->t;
    uint8_t listener = 0;
    uint32_t v = verdict(c, &listener), data = v & SECCOMP_RET_DATA;
    *r = SYSRET_DONE;
    switch (v & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW: case SECCOMP_RET_LOG: return true;
    case SECCOMP_RET_ERRNO: *r = -(int64_t)(data < ERRNO_MAX ? data : ERRNO_MAX); return false;
    case SECCOMP_RET_TRAP: force_sigsys(c, data, false); return false;
    case SECCOMP_RET_TRACE: return ask_tracer(c, data, r);
    case SECCOMP_RET_USER_NOTIF:
        *r = -ENOSYS;
        return listener && notify_ask(c, listener & LISTENER_KILLABLE, r);
    case SECCOMP_RET_KILL_THREAD:
        if (__atomic_load_n(&t->proc->nthreads, __ATOMIC_ACQUIRE) > 1)
            runtime_hooks.exit_killed(t, SIGSYS);
        break;
    default: break;
    }
    force_sigsys(c, data, true);
    return false;
}

/* ---- attaching ---- */

int seccomp_mode(const struct thread *t)
{
    return !(t->syscall_work & WORK_SECCOMP) ? SECCOMP_MODE_DISABLED
           : t->seccomp                      ? SECCOMP_MODE_FILTER
                                             : SECCOMP_MODE_STRICT;
}

static void filter_put(struct seccomp_filter *f)
{
    while (f && __atomic_sub_fetch(&f->users, 1, __ATOMIC_ACQ_REL) == 0) {
        struct seccomp_filter *next = f->next;
        free(f);
        f = next;
    }
}

static struct seccomp_filter *filter_get(struct seccomp_filter *f)
{
    if (f)
        __atomic_add_fetch(&f->users, 1, __ATOMIC_RELAXED);
    return f;
}

static void set_filter(struct thread *t, struct seccomp_filter *f)
{
    __atomic_store_n(&t->seccomp, f, __ATOMIC_RELEASE);
    __atomic_or_fetch(&t->syscall_work, (uint32_t)WORK_SECCOMP, __ATOMIC_ACQ_REL);
}

void seccomp_inherit(struct thread *t, const struct thread *parent)
{
    if (!(parent->syscall_work & WORK_SECCOMP))
        return;
    lock_take(&parent->proc->lock);
    set_filter(t, filter_get(parent->seccomp));
    lock_release(&parent->proc->lock);
}

void seccomp_drop(struct thread *t)
{
    filter_put(t->seccomp);
}

unsigned seccomp_count(const struct thread *t)
{
    unsigned n = 0;
    for (const struct seccomp_filter *f = t->seccomp; f; f = f->next)
        n++;
    return n;
}

int seccomp_describe(const struct thread *t, uint32_t nth, uint32_t from, struct seccomp_part *out)
{
    unsigned count = seccomp_count(t);
    const struct seccomp_filter *f = t->seccomp;
    if (seccomp_mode(t) != SECCOMP_MODE_FILTER)
        return -EINVAL;
    if (nth >= count)
        return -ENOENT;
    for (unsigned i = count - 1; i > nth; i--) /* the oldest is the first */
        f = f->next;
    out->log = f->log;
    out->n = from < f->n ? f->n - from : 0;
    if (out->n > ARRAY_SIZE(out->insn))
        out->n = ARRAY_SIZE(out->insn);
    memcpy(out->insn, f->insn + from, out->n * sizeof *f->insn);
    return (int)f->n;
}

static bool may_filter(void)
{
    return HC(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1 ||
           has_capability(21 /* CAP_SYS_ADMIN */);
}

static struct seccomp_filter *new_filter(uint32_t n)
{
    struct seccomp_filter *f = xcalloc(1, sizeof *f + n * sizeof *f->insn);
    f->n = n;
    f->users = 1;
    return f;
}

/* Reads struct sock_fprog and its program. 0 or -errno. */
static int read_filter(uint32_t a, struct seccomp_filter **out)
{
    struct { uint16_t len, pad; uint32_t filter; } p;
    if (mem_read(&p, a, sizeof p))
        return -EFAULT;
    if (!p.len || p.len > BPF_MAXINSNS)
        return -EINVAL;
    if (!may_filter())
        return -EACCES;
    struct seccomp_filter *f = new_filter(p.len);
    int r = mem_read(f->insn, p.filter, p.len * sizeof *f->insn) ? -EFAULT
            : program_valid(f->insn, p.len)                        ? 0
                                                                   : -EINVAL;
    f->cost = program_cost(f->insn, p.len);
    if (r)
        free(f);
    *out = f;
    return r;
}

static bool is_ancestor(const struct seccomp_filter *a, const struct seccomp_filter *f)
{
    while (f && f != a)
        f = f->next;
    return !a || f;
}

/* The id of a thread that cannot have the caller's filters, 0 if there is none. */
static int cannot_sync(const struct thread *t)
{
    for (const struct thread *o = t->proc->threads; o; o = o->next)
        if (o != t && !__atomic_load_n(&o->exiting, __ATOMIC_ACQUIRE) &&
            (seccomp_mode(o) == SECCOMP_MODE_STRICT || !is_ancestor(o->seccomp, t->seccomp)))
            return o->tid;
    return 0;
}

static void sync_threads(const struct thread *t)
{
    bool no_privs = HC(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1;
    for (struct thread *o = t->proc->threads; o; o = o->next) {
        if (o == t)
            continue;
        struct seccomp_filter *old = o->seccomp; /* behind the new one: stays alive */
        set_filter(o, filter_get(t->seccomp));
        filter_put(old);
        if (no_privs)
            __atomic_or_fetch(&o->syscall_work, (uint32_t)WORK_NO_PRIVS, __ATOMIC_ACQ_REL);
    }
}

static bool has_listener(const struct seccomp_filter *f)
{
    while (f && !f->listener)
        f = f->next;
    return f;
}

/* With the process's lock. 0, a listener's descriptor, -errno or the id of a thread. */
static int attach(struct thread *t, struct seccomp_filter *f, uint32_t flags)
{
    unsigned cost = f->cost;
    bool sync = flags & SECCOMP_FILTER_FLAG_TSYNC;
    if (seccomp_mode(t) == SECCOMP_MODE_STRICT)
        return -EINVAL;
    if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        f->listener = LISTENER_HAS | (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ? LISTENER_KILLABLE : 0);
    if (f->listener && has_listener(t->seccomp))
        return -EBUSY;
    for (const struct seccomp_filter *o = t->seccomp; o; o = o->next)
        cost += o->cost + COST_OF_FILTER;
    if (cost > COST_MAX)
        return -ENOMEM;
    int other = sync ? cannot_sync(t) : 0;
    if (other)
        return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other;
    int fd = f->listener ? notify_install(flags) : 0;
    if (fd < 0)
        return fd;
    f->log = flags & SECCOMP_FILTER_FLAG_LOG;
    f->next = t->seccomp; /* whose user it is instead of the thread */
    set_filter(t, f);
    if (sync)
        sync_threads(t);
    return fd;
}

static int64_t set_filter_mode(struct thread *t, uint32_t flags, uint32_t program)
{
    const uint32_t listener = SECCOMP_FILTER_FLAG_NEW_LISTENER,
                   killable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    const uint32_t known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
                           SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
                           listener | killable;
    struct seccomp_filter *f;
    if (flags & ~known)
        return -EINVAL;
    if (!(flags & listener) ? flags & killable
                            : (flags & SECCOMP_FILTER_FLAG_TSYNC) &&
                                  !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
        return -EINVAL; /* a result is a descriptor or the id of a thread */
    int r = read_filter(program, &f);
    if (r)
        return r;
    lock_take(&t->proc->lock);
    r = attach(t, f, flags);
    bool attached = t->seccomp == f;
    lock_release(&t->proc->lock);
    if (!attached)
        free(f);
    return r;
}

static int64_t set_strict_mode(struct thread *t)
{
    if (seccomp_mode(t) == SECCOMP_MODE_FILTER)
        return -EINVAL;
    t->syscall_work |= WORK_SECCOMP;
    return 0;
}

static int64_t action_available(uint32_t a)
{
    uint32_t action;
    if (mem_read32(a, &action))
        return -EFAULT;
    switch (action) {
    case SECCOMP_RET_KILL_PROCESS: case SECCOMP_RET_KILL_THREAD: case SECCOMP_RET_TRAP:
    case SECCOMP_RET_ERRNO: case SECCOMP_RET_TRACE: case SECCOMP_RET_LOG: case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_USER_NOTIF:
        return 0;
    default: return -EOPNOTSUPP;
    }
}

SYSCALL(seccomp)
{
    struct seccomp_notif_sizes sizes = {sizeof(struct seccomp_notif),
                                        sizeof(struct seccomp_notif_resp),
                                        sizeof(struct seccomp_data)};
    if (c->a[0] == SECCOMP_SET_MODE_FILTER)
        return set_filter_mode(c->t, c->a[1], c->a[2]);
    if (c->a[1])
        return -EINVAL;
    switch (c->a[0]) {
    case SECCOMP_SET_MODE_STRICT: return c->a[2] ? -EINVAL : set_strict_mode(c->t);
    case SECCOMP_GET_ACTION_AVAIL: return action_available(c->a[2]);
    case SECCOMP_GET_NOTIF_SIZES: return mem_write(c->a[2], &sizes, sizeof sizes);
    default: return -EINVAL;
    }
}

int64_t seccomp_prctl(struct sysctx *c)
{
    switch (c->a[1]) {
    case SECCOMP_MODE_STRICT: return set_strict_mode(c->t);
    case SECCOMP_MODE_FILTER: return set_filter_mode(c->t, 0, c->a[2]);
    default: return -EINVAL;
    }
}

/* ---- over execve ---- */

int seccomp_save(struct thread *t)
{
    if (seccomp_mode(t) != SECCOMP_MODE_FILTER)
        return -1;
    unshare(CLONE_FILES); /* as execve will: a process that has the same table must not replace the file */
    int fd = options_fd_above(memfd_create("seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING), OPTIONS_SELF_FD_MIN);
    bool ok = fd >= 0;
    for (const struct seccomp_filter *f = t->seccomp; f && ok; f = f->next) {
        size_t n = sizeof *f + f->n * sizeof *f->insn;
        ok = write(fd, f, n) == (ssize_t)n;
    }
    if (!ok)
        log_die(126, "seccomp filters cannot be handed on to the next program");
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW); /* others of the program's may find it */
    fcntl(fd, F_SETFD, 0);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

void seccomp_load(struct thread *t, int fd)
{
    struct seccomp_filter head, **to = &t->seccomp;
    while (read(fd, &head, sizeof head) == (ssize_t)sizeof head) {
        struct seccomp_filter *f = new_filter(head.n);
        size_t n = head.n * sizeof *f->insn;
        f->cost = head.cost;
        f->log = head.log;
        f->listener = head.listener;
        if (read(fd, f->insn, n) != (ssize_t)n)
            log_die(126, "--seccomp-fd: not what an xrun wrote");
        *to = f;
        to = &f->next;
    }
    close(fd);
    t->syscall_work |= WORK_SECCOMP;
}
