/* Waiting in a process that has tracees: their stops are xrun's own, the ends of children the
 * host's. A token interrupts the host's wait when a tracee has stopped; the call is then made
 * again. */
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscalls/priv.h"
#include "syscalls/trace.h"

enum { POLL_NS = 50000000, PAUSES = 5000 };

static bool matches(const struct tracee *x, int idtype, int id)
{
    switch (idtype) {
    case P_ALL: return true;
    case P_PID: return x->b->tid == id;
    case P_PGID: return getpgid(x->b->pid) == (id ? id : getpgrp());
    default: return false;
    }
}

static void fill(siginfo_t *i, const struct trace_block *b)
{
    memset(i, 0, sizeof *i);
    i->si_signo = SIGCHLD;
    i->si_pid = b->tid;
    i->si_uid = getuid();
    if (b->state == TRACE_STOPPED) {
        i->si_code = CLD_TRAPPED;
        i->si_status = (int)b->code;
    } else {
        i->si_code = b->code & 0x7f ? CLD_KILLED : CLD_EXITED;
        i->si_status = (int)(b->code & 0x7f ? b->code & 0x7f : b->code >> 8);
    }
}

int trace_wait_status(const siginfo_t *i)
{
    switch (i->si_code) {
    case CLD_EXITED: return (i->si_status & 0xff) << 8;
    case CLD_KILLED: return i->si_status;
    case CLD_DUMPED: return i->si_status | 0x80;
    case CLD_CONTINUED: return 0xffff;
    default: return i->si_status << 8 | 0x7f;
    }
}

/* One that was killed says nothing of it. Only the host's parent would learn the signal. */
static void note_killed(struct tracee *x)
{
    struct trace_block *b = x->b;
    if (x->child || x->thread || b->state == TRACE_GONE || trace_alive(b->pid, b->tid) ||
        __atomic_load_n(&b->state, __ATOMIC_ACQUIRE) == TRACE_GONE) /* it ended, and said so, meanwhile */
        return;
    b->code = SIGKILL;
    __atomic_store_n(&b->state, TRACE_GONE, __ATOMIC_RELEASE);
}

/* It has said what it ends with, which it does at once; others must not know before it is so. */
static void await_end(const struct trace_block *b)
{
    for (int i = 0; i < PAUSES && trace_alive(b->pid, b->tid); i++)
        trace_pause();
}

struct search {
    bool any, foreign; /* some match; some of them the host's wait will not report */
};

/* A tracee with something to report: its id; 0: none has. */
static int take(struct thread *t, int idtype, int id, int options, siginfo_t *info,
                struct search *s)
{
    int found = 0;
    *s = (struct search){false, false};
    lock_take(&tracees_lock);
    for (struct tracee *x = tracees, *next; x && !found; x = next) {
        struct trace_block *b = x->b;
        next = x->next;
        if (x->tracer != t->proc->pid || !matches(x, idtype, id))
            continue;
        note_killed(x);
        s->any = true;
        s->foreign |= !x->child && !x->thread;
        uint32_t state = __atomic_load_n(&b->state, __ATOMIC_ACQUIRE);
        if (state == TRACE_RUNNING || b->reported)
            continue;
        if (state == TRACE_GONE)
            await_end(b);
        found = b->tid;
        fill(info, b);
        if (options & WNOWAIT)
            continue;
        b->reported = b->notified = 1;
        if (state == TRACE_GONE)
            tracee_drop(x);
    }
    lock_release(&tracees_lock);
    return found;
}

/* The host has reported a change of process `info->si_pid`. False if the guest must not see it. */
static bool host_report(const struct thread *t, const siginfo_t *info, int options)
{
    bool show = info->si_code != CLD_STOPPED || (options & WSTOPPED);
    lock_take(&tracees_lock);
    for (struct tracee *x = tracees, *next; x; x = next) {
        struct trace_block *b = x->b;
        next = x->next;
        if (x->tracer != t->proc->pid || b->pid != info->si_pid)
            continue;
        if (info->si_code == CLD_STOPPED) { /* by SIGSTOP, which nobody can catch */
            show = false;
            memset(&b->stop_from, 0, sizeof b->stop_from);
            __atomic_or_fetch(&b->want, (uint32_t)TRACE_WANT_SIGSTOP, __ATOMIC_ACQ_REL);
            trace_send(b->pid, b->tid, TRACE_LOOK, 0); /* it must find that when it wakes */
            trace_send_continue(b->pid);
        } else if (info->si_code == CLD_CONTINUED) {
            show = false;
        } else if (!(options & WNOWAIT)) {
            tracee_drop(x);
        }
    }
    lock_release(&tracees_lock);
    return show;
}

/* Until a child of the host's or a tracee may have something. 0, or what interrupted it. */
static int64_t block(int idtype, int id, int options, bool children, bool foreign)
{
    siginfo_t info;
    struct timespec ts = {0, POLL_NS};
    int64_t r;
    if (children && !foreign)
        r = HCB(SYS_waitid, idtype, id, &info, (options & ~WNOHANG) | WSTOPPED | WNOWAIT, NULL, 0);
    else
        r = HCB(SYS_ppoll, NULL, 0, foreign ? &ts : NULL, NULL, 8, 0);
    return sysret_restarts(r) ? SYSRET_RESTART : 0;
}

int64_t tracer_wait(struct thread *t, int idtype, int id, int options, siginfo_t *info,
                    struct rusage *usage)
{
    struct search s;
    for (;;) {
        int found = take(t, idtype, id, options, info, &s);
        memset(usage, 0, sizeof *usage);
        if (found)
            return found;
        memset(info, 0, sizeof *info);
        int64_t r =
            HC(SYS_waitid, idtype, id, info, options | WNOHANG | (s.any ? WSTOPPED : 0), usage, 0);
        if (r == -ECHILD && s.any)
            info->si_pid = 0;
        else if (r)
            return r;
        if (info->si_pid && host_report(t, info, options))
            return info->si_pid;
        if (info->si_pid)
            continue;
        if (options & WNOHANG)
            return 0;
        int64_t e = block(idtype, id, options, r != -ECHILD, s.foreign);
        if (e)
            return e;
    }
}
