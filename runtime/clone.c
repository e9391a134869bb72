/* Life of guest threads: records, clone with CLONE_THREAD, exit. A guest thread is a host pthread;
 * what its creator did not want to share it takes apart before it runs. Children that are processes
 * are made in fork.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/session.h"
#include "runtime/debugreg.h"
#include "runtime/host.h"
#include "runtime/lockstep.h"
#include "runtime/ptrace.h"
#include "syscalls/syscalls.h"

struct process *process_self;
__thread struct thread *thread_self;
struct runtime_hooks runtime_hooks;

struct process *process_new(void)
{
    struct process *p = xcalloc(1, sizeof *p);
    p->sighand = xcalloc(1, sizeof *p->sighand);
    p->sighand->users = 1;
    p->sigaction = p->sighand->action;
    return p;
}

/* A thread of process p with its runtime part. */
static struct thread *thread_new(struct process *p)
{
    struct thread *t = xcalloc(1, sizeof *t);
    struct rt_thread *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, /* little of it is touched */
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        log_die(126, "no memory for another thread");
    t->proc = p;
    t->runtime = r;
    t->orig_eax = UINT32_MAX;
    t->altstack.flags = SS_DISABLE;
    r->t = t;
    return t;
}

static void thread_free(struct thread *t)
{
    debugreg_end(t);
    seccomp_drop(t);
    munmap(t->runtime, sizeof(struct rt_thread));
    free(t);
}

/* With the lock held: the last who held it may have been killed. The chain of `next` is right at any time.
 * Is `t` in it? */
static bool process_mend(struct process *p, const struct thread *t)
{
    bool found = false;
    int n = 0;
    for (struct thread **q = &p->threads; *q; q = &(*q)->next, n++) {
        (*q)->prevp = q;
        found |= *q == t;
    }
    __atomic_store_n(&p->nthreads, n, __ATOMIC_RELEASE);
    return found;
}

static void process_link(struct thread *t)
{
    struct process *p = t->proc;
    lock_take(&p->lock);
    if (p->shares_memory)
        process_mend(p, NULL);
    t->next = p->threads;
    t->prevp = &p->threads;
    if (t->next)
        t->next->prevp = &t->next;
    p->threads = t;
    p->nthreads++;
    lock_release(&p->lock);
}

/* Returns how many threads are left. */
static int process_unlink(struct thread *t)
{
    struct process *p = t->proc;
    lock_take(&p->lock);
    if (p->shares_memory && !process_mend(p, t))
        t->prevp = NULL;
    if (t->prevp) {
        *t->prevp = t->next;
        if (t->next)
            t->next->prevp = t->prevp;
        t->prevp = NULL;
        __atomic_sub_fetch(&p->nthreads, 1, __ATOMIC_RELEASE);
    }
    int left = p->nthreads;
    lock_release(&p->lock);
    return left;
}

struct thread *thread_first(struct process *p)
{
    struct thread *t = thread_new(p);
    t->tid = p->pid;
    t->cpu.thread = t;
    process_link(t);
    return t;
}

void thread_is_alive(struct thread *t)
{
    lock_task_begins();
    rt(t)->alive = (struct lock){0};
    lock_hold(&rt(t)->alive); /* for those who come later */
}

/* CLONE_SETTLS: the descriptor of the child. 0 or -errno. */
int clone_apply_tls(struct thread *t, const struct clone_request *rq)
{
    struct guest_user_desc d;
    if (!(rq->flags & CLONE_SETTLS))
        return 0;
    if (mem_read(&d, rq->tls, sizeof d))
        return -EFAULT;
    return tls_set_entry(t, &d);
}

struct thread *thread_copy(const struct thread *parent, struct process *p,
                           const struct clone_request *rq, int *error)
{
    struct thread *t = thread_new(p);
    t->cpu = parent->cpu;
    t->cpu.thread = t;
    t->cpu.pending = 0;
    t->cpu.exit_links = NULL;
    t->cpu.gpr[REG_EAX] = 0;
    t->cpu.insn_count = 0;
    if (rq->stack)
        t->cpu.gpr[REG_ESP] = rq->stack;
    t->sigmask = parent->sigmask;
    t->ldt_seen = parent->ldt_seen;
    memcpy(t->tls_desc, parent->tls_desc, sizeof t->tls_desc);
    if (!(rq->flags & CLONE_VM) || (rq->flags & CLONE_VFORK))
        t->altstack = parent->altstack;
    if (rq->flags & CLONE_CHILD_CLEARTID)
        t->clear_child_tid = rq->ctid;
    *error = clone_apply_tls(t, rq);
    if (*error) {
        thread_free(t);
        return NULL;
    }
    t->orig_eax = parent->orig_eax;
    t->trace = parent->child_trace;
    t->debug.dr6 = parent->debug.dr6;
    t->debug.dr7 = parent->debug.dr7;
    t->cpu.pending = t->trace != NULL;
    process_link(t);
    seccomp_inherit(t, parent);
    cache_thread_add(t);
    return t;
}

void thread_drop(struct thread *t)
{
    process_unlink(t);
    cache_thread_remove(t);
    thread_free(t);
}

/* ---- gates ---- */

void gate_open(struct gate *g)
{
    __atomic_store_n(&g->open, 1, __ATOMIC_RELEASE); /* the gate may be gone from here on */
    host_syscall(SYS_futex, (long)&g->open, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void gate_wait(struct gate *g)
{
    while (!__atomic_load_n(&g->open, __ATOMIC_ACQUIRE))
        host_syscall(SYS_futex, (long)&g->open, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
}

/* ---- threads ---- */

struct thread_start {
    struct thread *child;
    const struct clone_request *rq;
    uint64_t mask;
    int result; /* the child's tid; -errno: it could not be made as asked */
    struct gate ready;
};

/* A thread of the guest has gone on within that many waits of 0.1 ms. */
enum { LDT_WAITS = 2000 };
enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET };

/* In the child: what pthread_create made it share and `rq` does not. 0 or -errno. */
static int take_apart(const struct clone_request *rq)
{
    const uint64_t shareable = CLONE_FS | CLONE_FILES | CLONE_SYSVSEM;
    int flags = (int)((~rq->flags & shareable) | (rq->flags & NAMESPACES));
    if (flags && unshare(flags))
        return -errno;
    return (rq->flags & CLONE_NEWIPC) && (rq->flags & CLONE_SYSVSEM) ? -EINVAL : 0;
}

/* CLONE_PIDFD of a thread: in the descriptor table that the parent has. 0 or -errno. */
static int thread_pidfd(const struct clone_request *rq, int tid)
{
    if (!(rq->flags & CLONE_PIDFD))
        return 0;
    long fd = host_syscall(SYS_pidfd_open, tid, O_EXCL /* PIDFD_THREAD */, 0, 0, 0, 0);
    if (fd < 0)
        return (int)fd;
    return mem_write32(rq->pidfd, (uint32_t)fd) ? -EFAULT : 0;
}

static int thread_prepare(struct thread_start *s)
{
    const struct clone_request *rq = s->rq;
    struct thread *t = s->child;
    t->tid = gettid();
    int e = thread_pidfd(rq, t->tid);
    if (!e)
        e = take_apart(rq);
    if (e)
        return e;
    if (rq->flags & CLONE_CHILD_SETTID)
        mem_write32(rq->ctid, (uint32_t)t->tid);
    if (rq->flags & CLONE_PARENT_SETTID)
        mem_write32(rq->ptid, (uint32_t)t->tid);
    return 0;
}

static void thread_main(void *arg)
{
    struct thread_start *s = arg;
    struct thread *t = s->child;
    uint64_t mask = s->mask;
    thread_self = t;
    signal_block_all(NULL);
    int e = thread_prepare(s);
    s->result = e ? e : t->tid;
    if (e) {
        signal_block_everything(NULL);
        thread_self = NULL;
    }
    gate_open(&s->ready); /* s is gone from here on */
    if (e)
        return;
    if (!sigsetjmp(rt(t)->exit_jb, 0)) {
        signal_restore(mask);
        dispatch_run(t);
    }
    struct thread *ended = thread_self;
    struct gate *waiter = rt(ended)->ended;
    signal_block_everything(NULL);
    thread_self = NULL;
    thread_free(ended);
    if (waiter)
        gate_open(waiter);
}

static int64_t clone_thread_here(struct thread *t, const struct clone_request *rq)
{
    int e;
    struct thread *child = thread_copy(t, t->proc, rq, &e);
    if (!child)
        return e;
    struct thread_start s = {.child = child, .rq = rq};
    struct gate ended = {0};
    rt(child)->on_pthread = true;
    if (rq->flags & CLONE_VFORK)
        rt(child)->ended = &ended;
    signal_block_all(&s.mask);
    int64_t r = host_thread_start(thread_main, &s);
    if (!r) {
        gate_wait(&s.ready);
        r = s.result; /* the child may be gone by now */
    }
    if (r < 0)
        thread_drop(child);
    else if (rq->flags & CLONE_VFORK)
        gate_wait(&ended);
    signal_restore(s.mask);
    return r;
}

/* The combinations that kernel/fork.c refuses. */
static bool flags_valid(const struct clone_request *rq)
{
    const uint64_t f = rq->flags;
    if ((f & CLONE_PIDFD) && (f & CLONE_PARENT_SETTID) && rq->pidfd == rq->ptid)
        return false;
    if ((f & CLONE_FS) && (f & (CLONE_NEWNS | CLONE_NEWUSER)))
        return false;
    if ((f & CLONE_THREAD) && (!(f & CLONE_SIGHAND) || (f & (CLONE_NEWUSER | CLONE_NEWPID))))
        return false;
    if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
        return false;
    return !(f & CLONE_PIDFD) || !(f & CLONE_DETACHED);
}

int64_t clone_thread(struct thread *t, const struct clone_request *rq)
{
    int64_t r;
    if (!flags_valid(rq))
        return -EINVAL;
    session_task(1);
    r = unlikely(t->trace != NULL) ? ptrace_clone(t, rq) : clone_plain(t, rq);
    if (r < 0)
        session_task(-1);
    return r;
}

int64_t clone_plain(struct thread *t, const struct clone_request *rq)
{
    if ((rq->flags & CLONE_THREAD) || (rq->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)
        mem_set_shared();
    if (rq->flags & CLONE_THREAD)
        return clone_thread_here(t, rq);
    if (!(rq->flags & CLONE_VM))
        return clone_fork(t, rq);
    return rq->flags & CLONE_VFORK ? clone_vfork(t, rq) : clone_shared(t, rq, NULL, NULL);
}

/* ---- exit ---- */

/* By the host's kernel, if that can: a fault could not be handled here. */
static bool write_zero(gaddr a)
{
    uint32_t zero = 0;
    struct iovec from = {&zero, sizeof zero}, to = {mem_host(a), sizeof zero};
    mem_prepare_write(a, sizeof zero);
    if (host_syscall(SYS_process_vm_writev, getpid(), (long)&from, 1, (long)&to, 1, 0) == sizeof zero)
        return true;
    signal_block_all(NULL);
    return !mem_write32(a, 0);
}

/* What the kernel does for the guest when a thread ends (kernel/fork.c mm_release). Whoever waits for the end then
 * may rely on it that the thread takes no signal of the process's any more. */
static void release_user(struct thread *t)
{
    futex_exit_robust(t);
    if (t->robust_told) /* its memory may be another's when the host comes to look */
        host_robust_list32(0);
    signal_block_everything(NULL);
    signal_hand_over(t);
    if (t->clear_child_tid && !t->host_clears_tid && write_zero(t->clear_child_tid))
        host_syscall(SYS_futex, (long)t->clear_child_tid, FUTEX_WAKE, 1, 0, 0, 0);
}

/* It could die holding a lock of xrun's in that memory, or a robust futex that another process waits
 * for: such signals go through the dispatcher first. */
void process_shares_memory(struct process *p)
{
    lock_company = true;
    if (p->shares_memory)
        return;
    p->shares_memory = true;
    for (int s = 1; s <= NSIG_GUEST; s++)
        signal_action_changed(s);
    lock_take(&p->lock);
    for (struct thread *t = p->threads; t; t = t->next) { /* thread_tell_robust */
        t->cpu.pending = 1;
        if (t != thread_self && rt(t)->epoch != UINT64_MAX) /* executes code, and may do so for long */
            core_nudge(t);
    }
    lock_release(&p->lock);
}

static bool executes_with(struct thread *t, uint16_t sel)
{
    if (rt(t)->epoch == UINT64_MAX || __atomic_load_n(&t->ldt_seen, __ATOMIC_ACQUIRE) == process_ldt.version)
        return false;
    for (int s = 0; s < SEG_COUNT; s++)
        if ((t->cpu.sel[s] & ~3) == sel)
            return true;
    return false;
}

void thread_ldt_changed(struct thread *self, uint16_t sel)
{
    const struct timespec pause = {0, 100000};
    bool wait = true;
    self->cpu.pending = 1;
    for (int i = 0; wait && i < LDT_WAITS; i++) {
        if (i)
            host_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
        wait = false;
        lock_take(&self->proc->lock);
        for (struct thread *t = self->proc->threads; t; t = t->next) {
            t->cpu.pending = 1;
            if (t == self || !executes_with(t, sel))
                continue;
            wait = true;
            if (!i)
                core_nudge(t);
        }
        lock_release(&self->proc->lock);
    }
}

void thread_tell_robust(struct thread *t)
{
    if (likely(!t->proc->shares_memory) || t->robust_told == t->robust_list)
        return;
    t->robust_told = t->robust_list;
    host_robust_list32(t->robust_list);
}

void process_release(struct thread *t)
{
    struct process *p = t->proc;
    if (!p->shares_memory) /* nobody is left to look at them */
        return;
    signal_block_all(NULL); /* their lists may be unmapped */
    lock_take(&p->lock);
    for (struct thread *o = p->threads; o; o = o->next)
        futex_exit_robust(o);
    lock_release(&p->lock);
}

static void print_count(const struct thread *t)
{
    char buf[80];
    int n = snprintf(buf, sizeof buf, "xrun: [%d] %llu guest instructions\n", t->tid,
                     (unsigned long long)t->cpu.insn_count);
    if (opt.profile)
        cache_print_profile();
    if (opt.lockstep_code)
        lockstep_code_print();
    if (opt.count)
        log_write(log_fd(), buf, (size_t)n);
}

void thread_exit(struct thread *t, int status)
{
    uint64_t old;
    print_count(t);
    if (__atomic_load_n(&t->proc->nthreads, __ATOMIC_ACQUIRE) == 1)
        thread_exit_group(t, status);
    if (session)
        strace_exited(t, status);
    ptrace_exiting(t, (status & 0xff) << 8, false);
    signal_block_all(&old);
    cache_thread_remove(t);
    __atomic_store_n(&t->exiting, true, __ATOMIC_RELEASE); /* before it is known to have ended */
    release_user(t);
    if (process_unlink(t) == 0)
        host_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
    if (rt(t)->on_pthread)
        siglongjmp(rt(t)->exit_jb, 1);
    for (;;) /* the first thread: its record stays, others may still look at it */
        host_syscall(SYS_exit, status, 0, 0, 0, 0, 0);
}

/* The process's wait status is that of its last thread. */
void thread_exit_killed(struct thread *t, int sig)
{
    if (__atomic_load_n(&t->proc->nthreads, __ATOMIC_ACQUIRE) > 1)
        thread_exit(t, sig);
    print_count(t);
    signal_die(t, sig);
}

/* All threads end, the caller as the last. */
static void end_of_trace(struct thread *t, int status)
{
    struct process *p = t->proc;
    if (!session)
        return;
    lock_take(&p->lock);
    for (struct thread *o = p->threads; o; o = o->next)
        if (o != t)
            strace_exited(o, status);
    lock_release(&p->lock);
    strace_exited(t, status);
}

void thread_exit_group(struct thread *t, int status)
{
    cache_store(t->proc);
    if (t->proc->nthreads == 1)
        print_count(t);
    end_of_trace(t, status);
    if (status == 127 && !opt.child)
        report_missing(t->proc->exe_guest);
    ptrace_exiting(t, (status & 0xff) << 8, true);
    __atomic_store_n(&t->proc->ending, true, __ATOMIC_SEQ_CST);
    if (t->proc->shares_memory)
        release_user(t);
    process_release(t);
    for (;;)
        host_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}
