/* Children that are processes: fork (memory of its own), vfork (borrows the parent's while the
 * parent's host thread waits in the kernel) and clone(CLONE_VM) without either: two processes that
 * run in one memory. For the last, a host thread of the parent is started only to lend its
 * thread-local storage: it makes the child and sleeps in the kernel until that has ended. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "runtime/host.h"
#include "runtime/ptrace.h"
#include "syscalls/syscalls.h"
#include "translate/translate.h"

/* Flags that xrun carries out itself; the host must not. Its handlers of SIGSEGV and the like must
 * stay, whatever becomes of the guest's. */
#define OWN_FLAGS                                                                                  \
    ((uint64_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | CLONE_SETTLS |   \
                CLONE_DETACHED) |                                                                  \
     CLONE_CLEAR_SIGHAND)

/* What a new process does not have from the one it was copied from. */
static void not_inherited(struct process *p)
{
    p->lock = (struct lock){0};
    p->dying = p->stopping = 0;
    p->ending = false;
}

static void reset_handlers(struct process *p)
{
    for (int s = 1; s <= NSIG_GUEST; s++)
        if (p->sigaction[s].handler > 1) {
            p->sigaction[s] = (struct guest_sigaction){0};
            signal_action_changed(s);
        }
}

/* Signals by which children announce their end, a bit each. Of SIGSEGV and the like that then looks like a fault. */
static uint64_t end_signals;

bool fork_child_ended(int sig, const siginfo_t *info, const ucontext_t *uc)
{
    if (likely(!(end_signals >> sig & 1)) || info->si_code > CLD_DUMPED || !info->si_pid)
        return false;
    bool access = sig == SIGSEGV || sig == SIGBUS;
    return (uintptr_t)info->si_addr != (access ? host_fault_address(uc) : host_pc(uc));
}

/* What parent and child get to know of each other. */
static void tell_parent(const struct clone_request *rq, int64_t pid, int pidfd)
{
    if (pid > 0 && (rq->flags & CLONE_PARENT_SETTID))
        mem_write32(rq->ptid, (uint32_t)pid);
    if (pid > 0 && (rq->flags & CLONE_PIDFD))
        mem_write32(rq->pidfd, (uint32_t)pidfd);
}

static void child_begins(struct thread *t, const struct clone_request *rq)
{
    thread_is_alive(t);
    t->tid = gettid();
    t->proc->pid = getpid();
    if (rq->flags & CLONE_CHILD_SETTID)
        mem_write32(rq->ctid, (uint32_t)t->tid);
    if (rq->flags & CLONE_CLEAR_SIGHAND)
        reset_handlers(t->proc);
}

/* Does only clone3 know what is asked for? */
static bool needs_clone3(const struct clone_request *rq)
{
    return rq->set_tid_size || (rq->flags & (CLONE_INTO_CGROUP | CLONE_NEWTIME));
}

static struct clone_args host_args(const struct clone_request *rq, const int *pidfd)
{
    struct clone_args a = {0};
    a.flags = rq->flags & ~OWN_FLAGS;
    a.exit_signal = rq->exit_signal;
    if (rq->exit_signal <= SIGSEGV)
        __atomic_or_fetch(&end_signals, UINT64_C(1) << rq->exit_signal, __ATOMIC_RELAXED);
    a.pidfd = (uintptr_t)pidfd;
    a.cgroup = (uint64_t)rq->cgroup;
    a.set_tid = rq->set_tid_size ? (uintptr_t)rq->set_tid : 0;
    a.set_tid_size = rq->set_tid_size;
    return a;
}

/* ---- fork ---- */

/* In the child of a fork: this is the only thread, and it shares nothing any more. */
static void fork_child(struct thread *t, const struct clone_request *rq)
{
    struct process *p = t->proc;
    not_inherited(p);
    p->sighand->lock = (struct lock){0};
    process_ldt.lock = (struct lock){0};
    p->sighand->users = 1;
    process_self = p;
    p->threads = t;
    p->nthreads = 1;
    t->prevp = &p->threads;
    t->next = NULL;
    t->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->ctid : 0;
    t->robust_list = t->robust_told = 0;
    t->host_clears_tid = false;
    mem_company = 0;
    t->syscall_work &= ~(uint32_t)WORK_DISPATCH;
    rt(t)->ended = NULL;
    p->memory_parent = 0;
    mem_mdwe = mem_inherited_mdwe();
    p->traced = t->trace || p->traced;
    ptrace_forked(t);
    if (rq->stack)
        t->cpu.gpr[REG_ESP] = rq->stack;
    child_begins(t, rq);
}

/* Does fork(3) do the same on the host? */
static bool plain_fork(const struct clone_request *rq)
{
    return rq->exit_signal == SIGCHLD && !needs_clone3(rq) && !(rq->flags & ~OWN_FLAGS);
}

static int64_t host_clone_process(const struct clone_request *rq, int *pidfd)
{
    struct clone_args a = host_args(rq, pidfd);
    if (needs_clone3(rq))
        return host_syscall(SYS_clone3, (long)&a, sizeof a, 0, 0, 0, 0);
    return host_syscall(SYS_clone, (long)(a.flags | rq->exit_signal), 0, (long)pidfd, 0, 0, 0);
}

static int64_t errno_of(int64_t r) { return r < 0 ? -errno : r; }

/* fork(3) mends the C library's list of threads for the child, but holds its locks meanwhile: not where
 * this process can be killed in there and leave another one in its memory. */
static int64_t host_fork(const struct clone_request *rq, int *pidfd)
{
    bool plain = plain_fork(rq);
    int64_t r;
    if (plain && !mem_company) {
        r = errno_of(fork());
    } else {
        host_threads_keep();
        r = plain ? errno_of(_Fork()) : host_clone_process(rq, pidfd);
        host_threads_go_on();
    }
    if (r == 0)
        host_threads_forked();
    return r;
}

/* Gives the parent's TLS descriptors back after a fork with CLONE_SETTLS. */
static void restore_tls(struct thread *t, const uint64_t tls[TLS_ENTRIES])
{
    memcpy(t->tls_desc, tls, sizeof t->tls_desc);
    cpu_load_seg(&t->cpu, SEG_GS, t->cpu.sel[SEG_GS]);
    cpu_load_seg(&t->cpu, SEG_FS, t->cpu.sel[SEG_FS]);
}

int64_t clone_fork(struct thread *t, const struct clone_request *rq)
{
    uint64_t old;
    uint64_t tls[TLS_ENTRIES];
    int pidfd = -1;
    memcpy(tls, t->tls_desc, sizeof tls);
    int e = clone_apply_tls(t, rq); /* of the child; undone in the parent */
    if (e)
        return e;
    cache_fork_learn(t);
    signal_block_all(&old);
    lock_take(&t->proc->lock);
    mem_fork_prepare(); /* in this order: mem calls the cache with its lock held */
    cache_fork_prepare();
    int64_t r = host_fork(rq, &pidfd);
    cache_fork_done(r == 0);
    mem_fork_done();
    lock_release(&t->proc->lock);
    if (r == 0) {
        fork_child(t, rq);
    } else {
        if (rq->flags & CLONE_SETTLS)
            restore_tls(t, tls);
        tell_parent(rq, r, pidfd);
    }
    signal_restore(old);
    return r;
}

/* ---- processes in the same memory ---- */

struct vm_start {
    struct thread *child;
    const struct clone_request *rq;
    uint64_t mask;
    bool borrows_stack; /* vfork: nobody waits for `ready` */
    int pidfd;
    int64_t result;
    int users;          /* who may still look at this: the creator and the carrier */
    struct gate ready, left; /* has it started; has it left the memory */
};

/* Runs in the child, on a stack of its own. */
static int vm_main(void *arg)
{
    struct vm_start *s = arg;
    struct thread *t = s->child;
    uint64_t mask = s->mask;
    thread_self = t;
    signal_block_all(NULL); /* from here on it has faults of its own */
    t->host_clears_tid = true;
    child_begins(t, s->rq);
    process_shares_memory(t->proc);
    if (t->trace)
        ptrace_begun(t);
    if (!s->borrows_stack) {
        tell_parent(s->rq, t->tid, s->pidfd);
        s->result = t->tid;
        gate_open(&s->ready);
    }
    signal_restore(mask);
    dispatch_run(t);
}

static int64_t host_clone_vm(struct vm_start *s, void *stack, uint64_t flags)
{
    const struct clone_request *rq = s->rq;
    struct clone_args a = host_args(rq, &s->pidfd);
    a.flags |= flags | (rq->flags & CLONE_CHILD_CLEARTID); /* done even after SIGKILL */
    a.child_tid = rq->ctid;
    if (needs_clone3(rq)) {
        a.stack = (uintptr_t)stack;
        a.stack_size = CLONE_HOST_STACK;
        return host_clone3(&a, sizeof a, vm_main, s);
    }
    int64_t r = clone(vm_main, (char *)stack + CLONE_HOST_STACK,
                      (int)(uint32_t)(a.flags | rq->exit_signal), s, &s->pidfd, NULL,
                      (void *)(uintptr_t)rq->ctid);
    return r < 0 ? -errno : r;
}

static void sighand_drop(struct sighand *h)
{
    lock_take(&h->lock);
    int left = --h->users;
    lock_release(&h->lock);
    if (!left)
        free(h);
}

/* The child's own process record; its threads are its own, its signal actions if not shared. */
static struct process *process_copy(struct process *p, const struct clone_request *rq)
{
    struct process *c = process_new();
    struct sighand *own = c->sighand;
    lock_take(&p->lock);
    *c = *p;
    lock_release(&p->lock);
    not_inherited(c);
    c->threads = NULL;
    c->nthreads = 0;
    c->traced = false;
    c->memory_parent = p->pid;
    lock_take(&p->sighand->lock);
    if (rq->flags & CLONE_SIGHAND)
        p->sighand->users++;
    else
        memcpy(own->action, p->sighand->action, sizeof own->action);
    lock_release(&p->sighand->lock);
    if (rq->flags & CLONE_SIGHAND) {
        free(own);
    } else {
        c->sighand = own;
        c->sigaction = own->action;
    }
    return c;
}

enum { GONE, ALIVE, STUCK };

/* Takes a thread that has ended with its process (killed, or exec) off the list. GONE if none is
 * left; STUCK if the list is locked, perhaps by one that was killed. */
static int forget_dead(struct process *p)
{
    struct thread *dead = NULL, *unborn = NULL;
    bool lives = false;
    if (!lock_try(&p->lock))
        return STUCK;
    for (struct thread *t = p->threads; t && !dead; t = t->next)
        if (!t->tid)
            unborn = t;
        else if (host_syscall(SYS_tgkill, p->pid, t->tid, 0, 0, 0, 0) == -ESRCH)
            dead = t;
        else
            lives = true;
    if (!dead && !lives) /* who made it has died before it began */
        dead = unborn;
    lock_release(&p->lock);
    if (dead)
        thread_drop(dead);
    return dead || lives ? ALIVE : GONE;
}

/* The leader of the child has left the memory. Other threads of it may live on: with `wait` until
 * they have ended, else their records are given up, and the answer is false. */
static bool child_left(struct thread *leader, bool wait)
{
    struct process *p = leader->proc;
    const struct timespec pause = {0, 20000000};
    thread_drop(leader);
    for (int stuck = 0, now; (now = forget_dead(p)) != GONE; stuck += now == STUCK) {
        if (!wait || stuck > 100)
            return false;
        nanosleep(&pause, NULL);
    }
    sighand_drop(p->sighand);
    free(p);
    return true;
}

static void *new_stack(void)
{
    void *p = mmap(NULL, CLONE_HOST_STACK, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The record of a child in this memory. NULL and *error. */
static struct thread *vm_child(struct thread *t, const struct clone_request *rq, int *error)
{
    struct process *p = process_copy(t->proc, rq);
    struct thread *child = thread_copy(t, p, rq, error);
    if (!child) {
        sighand_drop(p->sighand);
        free(p);
    }
    return child;
}

int64_t clone_vfork(struct thread *t, const struct clone_request *rq)
{
    int e = -ENOMEM;
    void *stack = new_stack();
    struct thread *child = stack ? vm_child(t, rq, &e) : NULL;
    if (!child) {
        if (stack)
            munmap(stack, CLONE_HOST_STACK);
        return e;
    }
    struct vm_start s = {.child = child, .rq = rq, .borrows_stack = true, .pidfd = -1};
    __atomic_add_fetch(&mem_company, 1, __ATOMIC_SEQ_CST);
    signal_block_all(&s.mask);
    signal_block_everything(NULL); /* what came while the child has the thread's storage would be the child's */
    int64_t r = host_clone_vm(&s, stack, CLONE_VFORK);
    thread_self = t;
    signal_block_all(NULL);
    thread_is_alive(t); /* the child had its thread-local storage */
    if (mem_is_shared) /* perhaps the child made it so, and asked only for itself */
        translate_ask_order();
    if (child_left(child, false))
        __atomic_sub_fetch(&mem_company, 1, __ATOMIC_SEQ_CST);
    munmap(stack, CLONE_HOST_STACK);
    tell_parent(rq, r, s.pidfd);
    signal_restore(s.mask);
    return r;
}

static void start_drop(struct vm_start *s)
{
    if (__atomic_sub_fetch(&s->users, 1, __ATOMIC_ACQ_REL) == 0)
        free(s);
}

/* The host thread that lends the child its thread-local storage. */
static void carrier_main(void *arg)
{
    struct vm_start *s = arg;
    struct thread *child = s->child;
    void *stack = new_stack();
    int64_t r = stack ? host_clone_vm(s, stack, CLONE_VFORK) : -ENOMEM;
    thread_self = NULL;
    lock_task_begins();
    if (!s->ready.open) { /* not made, or killed at once: the child is gone, there is no race */
        s->result = r;
        gate_open(&s->ready);
    }
    gate_open(&s->left);
    start_drop(s);
    child_left(child, r > 0);
    if (stack)
        munmap(stack, CLONE_HOST_STACK);
}

int64_t clone_shared(struct thread *t, const struct clone_request *rq,
                     void (*made)(struct thread *t, void *arg, int64_t pid), void *arg)
{
    int e;
    process_shares_memory(t->proc);
    __atomic_add_fetch(&mem_company, 1, __ATOMIC_SEQ_CST);
    struct thread *child = vm_child(t, rq, &e);
    if (!child)
        return e;
    struct vm_start *s = xcalloc(1, sizeof *s);
    s->child = child;
    s->rq = rq;
    s->pidfd = -1;
    s->users = 2;
    signal_block_all(&s->mask);
    uint64_t mask = s->mask;
    int64_t r = host_thread_start(carrier_main, s);
    if (r) {
        child_left(child, false);
        s->users = 1;
    } else {
        gate_wait(&s->ready);
        r = s->result;
    }
    if (made && r > 0) {
        made(t, arg, r);
        gate_wait(&s->left);
    }
    start_drop(s);
    signal_restore(mask);
    return r;
}
