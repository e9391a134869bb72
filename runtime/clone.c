/* Life of guest threads and processes: clone in its three forms (thread, vfork, fork), exit.
 * A guest thread is a host pthread; a vfork child runs on a stack of its own inside the parent's
 * memory while the parent's host thread waits in the kernel, exactly as the guest expects. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

enum { HOST_STACK = 512 << 10 };

struct process *process_self;
__thread struct thread *thread_self;
struct runtime_hooks runtime_hooks;

struct thread *thread_new(struct process *p)
{
    struct thread *t = xcalloc(1, sizeof *t);
    struct rt_thread *r = xcalloc(1, sizeof *r);
    t->proc = p;
    t->runtime = r;
    t->orig_eax = UINT32_MAX;
    t->altstack.flags = SS_DISABLE;
    r->t = t;
    return t;
}

void thread_free(struct thread *t)
{
    free(t->runtime);
    free(t);
}

static void process_link(struct thread *t)
{
    struct process *p = t->proc;
    pthread_mutex_lock(&p->lock);
    t->next = p->threads;
    t->prevp = &p->threads;
    if (t->next)
        t->next->prevp = &t->next;
    p->threads = t;
    p->nthreads++;
    pthread_mutex_unlock(&p->lock);
}

/* Returns how many threads are left. */
static int process_unlink(struct thread *t)
{
    struct process *p = t->proc;
    pthread_mutex_lock(&p->lock);
    if (t->prevp) {
        *t->prevp = t->next;
        if (t->next)
            t->next->prevp = t->prevp;
        t->prevp = NULL;
        p->nthreads--;
    }
    int left = p->nthreads;
    pthread_mutex_unlock(&p->lock);
    return left;
}

/* The child's copy of the parent: registers, masks, TLS; own jump cache. */
static struct thread *thread_copy(const struct thread *parent, const struct clone_request *rq)
{
    struct thread *t = thread_new(parent->proc);
    t->cpu = parent->cpu;
    t->cpu.thread = t;
    t->cpu.pending = 0;
    t->cpu.exit_links = NULL;
    t->cpu.gpr[REG_EAX] = 0;
    t->cpu.insn_count = 0;
    if (rq->stack)
        t->cpu.gpr[REG_ESP] = rq->stack;
    t->sigmask = parent->sigmask;
    memcpy(t->tls_desc, parent->tls_desc, sizeof t->tls_desc);
    if (!(rq->flags & CLONE_VM) || (rq->flags & CLONE_VFORK))
        t->altstack = parent->altstack;
    if (rq->flags & CLONE_CHILD_CLEARTID)
        t->clear_child_tid = rq->ctid;
    return t;
}

/* CLONE_SETTLS: the descriptor of the child. 0 or -errno. */
static int apply_tls(struct thread *t, const struct clone_request *rq)
{
    int r = rq->set_tls ? tls_set_entry(t, &rq->tls, false) : 0;
    return r < 0 ? r : 0;
}

/* ---- fork ---- */

/* In the child of a fork: this is the only thread. */
static void fork_child(struct thread *t, const struct clone_request *rq)
{
    struct process *p = t->proc;
    pthread_mutex_init(&p->lock, NULL);
    p->threads = NULL;
    p->nthreads = 0;
    process_link(t);
    p->pid = getpid();
    t->tid = gettid();
    t->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->ctid : 0;
    t->robust_list = 0;
    t->is_vfork_child = false;
    if (rq->stack)
        t->cpu.gpr[REG_ESP] = rq->stack;
    if (rq->flags & CLONE_CHILD_SETTID)
        mem_write32(rq->ctid, (uint32_t)t->tid);
    if (rq->flags & CLONE_CLEAR_SIGHAND)
        for (int s = 1; s <= NSIG_GUEST; s++)
            if (p->sigaction[s].handler > 1) {
                p->sigaction[s].handler = 0;
                signal_action_changed(s);
            }
}

/* The flags with which plain fork(3) does the same. */
static bool plain_fork(const struct clone_request *rq)
{
    return rq->exit_signal == SIGCHLD && !rq->set_tid_size &&
           !(rq->flags & ~(uint64_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |
                                     CLONE_PARENT_SETTID | CLONE_SETTLS | CLONE_VFORK |
                                     CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_DETACHED));
}

static int64_t host_clone_process(const struct clone_request *rq, int *pidfd)
{
    struct clone_args a = {0};
    a.flags = rq->flags & ~(uint64_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |
                                      CLONE_PARENT_SETTID | CLONE_SETTLS | CLONE_VFORK |
                                      CLONE_DETACHED);
    a.exit_signal = rq->exit_signal;
    a.pidfd = (uintptr_t)pidfd;
    a.cgroup = (uint64_t)rq->cgroup;
    a.set_tid = (uintptr_t)rq->set_tid;
    a.set_tid_size = rq->set_tid_size;
    long r = host_syscall(SYS_clone3, (long)&a, sizeof a, 0, 0, 0, 0);
    if (r != -ENOSYS || rq->set_tid_size || a.cgroup)
        return r;
    return host_syscall(SYS_clone, (long)(a.flags | rq->exit_signal), 0, (long)pidfd, 0, 0, 0);
}

static int64_t do_fork(struct thread *t, const struct clone_request *rq)
{
    uint64_t old;
    uint64_t tls[TLS_ENTRIES];
    int pidfd = -1;
    memcpy(tls, t->tls_desc, sizeof tls);
    int e = apply_tls(t, rq); /* of the child; undone in the parent */
    if (e)
        return e;
    signal_block_all(&old);
    pthread_mutex_lock(&t->proc->lock);
    cache_fork_prepare();
    mem_fork_prepare();
    int64_t r = plain_fork(rq) ? fork() : host_clone_process(rq, &pidfd);
    if (r == -1 && plain_fork(rq))
        r = -errno;
    mem_fork_done();
    cache_fork_done(r == 0);
    pthread_mutex_unlock(&t->proc->lock);
    if (r == 0) {
        fork_child(t, rq);
    } else {
        memcpy(t->tls_desc, tls, sizeof tls);
        cpu_load_seg(&t->cpu, SEG_GS, t->cpu.sel[SEG_GS]);
        cpu_load_seg(&t->cpu, SEG_FS, t->cpu.sel[SEG_FS]);
        if (r > 0 && (rq->flags & CLONE_PARENT_SETTID))
            mem_write32(rq->ptid, (uint32_t)r);
        if (r > 0 && (rq->flags & CLONE_PIDFD))
            mem_write32(rq->pidfd, (uint32_t)pidfd);
    }
    signal_restore(old);
    return r;
}

/* ---- vfork ---- */

struct vfork_start {
    struct thread *child;
    const struct clone_request *rq;
    uint64_t mask;
};

/* Runs in the child, in the parent's memory and with the parent's TLS, on a stack of its own. */
static int vfork_main(void *arg)
{
    struct vfork_start *s = arg;
    struct thread *t = s->child;
    thread_self = t;
    t->tid = gettid();
    t->proc->pid = getpid();
    if (s->rq->flags & CLONE_CHILD_SETTID)
        mem_write32(s->rq->ctid, (uint32_t)t->tid);
    signal_restore(s->mask);
    dispatch_run(t);
}

/* The child's own process record: signal actions are not shared, threads are its own. */
static struct process *process_copy(struct process *p)
{
    struct process *c = xmalloc(sizeof *c);
    pthread_mutex_lock(&p->lock);
    *c = *p;
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_init(&c->lock, NULL);
    c->threads = NULL;
    c->nthreads = 0;
    return c;
}

static int64_t do_vfork(struct thread *t, const struct clone_request *rq)
{
    struct thread *child = thread_copy(t, rq);
    int e = apply_tls(child, rq);
    if (e) {
        thread_free(child);
        return e;
    }
    child->proc = process_copy(t->proc);
    child->is_vfork_child = true;
    child->robust_list = 0;
    void *stack = mmap(NULL, HOST_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) {
        free(child->proc);
        thread_free(child);
        return -ENOMEM;
    }
    process_link(child);
    cache_thread_add(child);
    struct vfork_start s = {child, rq, 0};
    int pidfd = -1;
    signal_block_all(&s.mask);
    int flags = CLONE_VM | CLONE_VFORK | (int)rq->exit_signal |
                (int)(rq->flags & (CLONE_PARENT | CLONE_FS | CLONE_FILES | CLONE_PIDFD |
                                   CLONE_SYSVSEM | CLONE_IO));
    int64_t r = clone(vfork_main, (char *)stack + HOST_STACK, flags, &s, &pidfd, NULL, NULL);
    if (r < 0)
        r = -errno;
    thread_self = t;
    cache_thread_remove(child);
    free(child->proc);
    thread_free(child);
    munmap(stack, HOST_STACK);
    if (r > 0 && (rq->flags & CLONE_PARENT_SETTID))
        mem_write32(rq->ptid, (uint32_t)r);
    if (r > 0 && (rq->flags & CLONE_PIDFD))
        mem_write32(rq->pidfd, (uint32_t)pidfd);
    signal_restore(s.mask);
    return r;
}

/* ---- threads ---- */

struct thread_start {
    struct thread *child;
    const struct clone_request *rq;
    uint64_t mask;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool ready;
};

static void *thread_main(void *arg)
{
    struct thread_start *s = arg;
    struct thread *t = s->child;
    uint64_t mask = s->mask;
    thread_self = t;
    t->tid = gettid();
    if (s->rq->flags & CLONE_CHILD_SETTID)
        mem_write32(s->rq->ctid, (uint32_t)t->tid);
    if (s->rq->flags & CLONE_PARENT_SETTID)
        mem_write32(s->rq->ptid, (uint32_t)t->tid);
    pthread_mutex_lock(&s->lock);
    s->ready = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock); /* s is gone from here on */
    if (!sigsetjmp(rt(t)->exit_jb, 0)) {
        signal_restore(mask);
        dispatch_run(t);
    }
    struct thread *ended = thread_self;
    thread_self = NULL;
    thread_free(ended);
    return NULL;
}

static int64_t do_thread(struct thread *t, const struct clone_request *rq)
{
    struct thread *child = thread_copy(t, rq);
    struct thread_start s = {.child = child, .rq = rq, .lock = PTHREAD_MUTEX_INITIALIZER,
                             .cond = PTHREAD_COND_INITIALIZER};
    int e = apply_tls(child, rq);
    if (e) {
        thread_free(child);
        return e;
    }
    pthread_attr_t attr;
    pthread_t id;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, HOST_STACK);
    rt(child)->on_pthread = true;
    process_link(child);
    cache_thread_add(child);
    signal_block_all(&s.mask);
    e = pthread_create(&id, &attr, thread_main, &s);
    pthread_attr_destroy(&attr);
    int64_t r;
    if (e) {
        process_unlink(child);
        cache_thread_remove(child);
        thread_free(child);
        r = -e;
    } else {
        pthread_mutex_lock(&s.lock);
        while (!s.ready)
            pthread_cond_wait(&s.cond, &s.lock);
        r = child->tid;
        pthread_mutex_unlock(&s.lock);
    }
    signal_restore(s.mask);
    return r;
}

int64_t clone_thread(struct thread *t, const struct clone_request *rq)
{
    const uint64_t thread_flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    if (rq->flags & CLONE_THREAD)
        return (rq->flags & thread_flags) == thread_flags ? do_thread(t, rq) : -EINVAL;
    if ((rq->flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK))
        return do_vfork(t, rq);
    if (rq->flags & CLONE_VM) {
        log_event("clone flags %#llx: a process that shares memory but is not a thread is not "
                  "supported",
                  (unsigned long long)rq->flags);
        return -ENOSYS;
    }
    return do_fork(t, rq);
}

/* ---- exit ---- */

/* What the kernel does for the guest when a thread ends (kernel/fork.c mm_release). */
static void release_user(struct thread *t)
{
    futex_exit_robust(t);
    if (t->clear_child_tid && !mem_write32(t->clear_child_tid, 0))
        host_syscall(SYS_futex, (long)t->clear_child_tid, 1 /* FUTEX_WAKE */, 1, 0, 0, 0);
}

static void print_count(const struct thread *t)
{
    char buf[80];
    int n = snprintf(buf, sizeof buf, "xrun: [%d] %llu guest instructions\n", t->tid,
                     (unsigned long long)t->cpu.insn_count);
    if (opt.count)
        log_write(log_fd(), buf, (size_t)n);
}

void thread_exit(struct thread *t, int status)
{
    uint64_t old;
    print_count(t);
    if (t->is_vfork_child || t->proc->nthreads == 1)
        thread_exit_group(t, status);
    signal_block_all(&old);
    cache_thread_remove(t);
    release_user(t);
    if (process_unlink(t) == 0)
        host_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
    if (rt(t)->on_pthread)
        siglongjmp(rt(t)->exit_jb, 1);
    for (;;) /* the first thread: its record stays, others may still look at it */
        host_syscall(SYS_exit, status, 0, 0, 0, 0, 0);
}

void thread_exit_group(struct thread *t, int status)
{
    if (t->proc->nthreads == 1)
        print_count(t);
    if (opt.strace)
        strace_exited(t, status);
    release_user(t);
    for (;;)
        host_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}
