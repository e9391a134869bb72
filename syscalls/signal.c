/* Signals: dispositions, masks, waiting, sending. Queues live in the host kernel (see
 * runtime/signal.c); what is kept here is what the guest believes about handlers and masks. */
#include <linux/signalfd.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "abi/sigframe.h"
#include "abi/siginfo.h"
#include "syscalls/priv.h"
#include "syscalls/trace.h"

enum { G_SS_ONSTACK = 1, G_SS_DISABLE = 2 };
#define G_SS_AUTODISARM 0x80000000u

static uint64_t bit(int sig) { return UINT64_C(1) << (sig - 1); }
static uint64_t blockable(uint64_t m) { return m & ~(bit(SIGKILL) | bit(SIGSTOP)); }

/* Replaces the action of `sig`; old actions are returned. 0 or -EINVAL. */
static int set_action(struct thread *t, int sig, const struct guest_sigaction *new,
                      struct guest_sigaction *old)
{
    struct process *p = t->proc;
    if (sig < 1 || sig > NSIG_GUEST || (new && (sig == SIGKILL || sig == SIGSTOP)))
        return -EINVAL;
    lock_take(&p->sighand->lock);
    *old = p->sigaction[sig];
    if (new) {
        p->sigaction[sig] = *new;
        p->sigaction[sig].mask = blockable(new->mask);
        runtime_hooks.sigaction_changed(sig);
    }
    lock_release(&p->sighand->lock);
    return 0;
}

SYSCALL(rt_sigaction)
{
    struct i386_sigaction g;
    struct guest_sigaction new, old;
    if (c->a[3] != 8)
        return -EINVAL;
    if (c->a[1]) {
        if (mem_read(&g, c->a[1], sizeof g))
            return -EFAULT;
        new = (struct guest_sigaction){g.handler, g.flags, g.restorer, g.mask};
    }
    int r = set_action(c->t, (int)c->a[0], c->a[1] ? &new : NULL, &old);
    if (r || !c->a[2])
        return r;
    g = (struct i386_sigaction){old.handler, old.flags, old.restorer, old.mask};
    return mem_write(c->a[2], &g, sizeof g);
}

SYSCALL(sigaction)
{
    struct i386_old_sigaction g;
    struct guest_sigaction new, old;
    if (c->a[1]) {
        if (mem_read(&g, c->a[1], sizeof g))
            return -EFAULT;
        new = (struct guest_sigaction){g.handler, g.flags, g.restorer, g.mask};
    }
    int r = set_action(c->t, (int)c->a[0], c->a[1] ? &new : NULL, &old);
    if (r || !c->a[2])
        return r;
    g = (struct i386_old_sigaction){old.handler, (uint32_t)old.mask, old.flags, old.restorer};
    return mem_write(c->a[2], &g, sizeof g);
}

SYSCALL(signal) /* SA_ONESHOT | SA_NOMASK */
{
    struct guest_sigaction new = {c->a[1], 0xc0000000u, 0, 0}, old;
    int r = set_action(c->t, (int)c->a[0], &new, &old);
    return r ? r : (int64_t)old.handler;
}

/* ---- masks ---- */

static int change_mask(struct thread *t, uint32_t how, uint64_t set, uint64_t keep)
{
    uint64_t m = t->sigmask;
    switch (how) {
    case SIG_BLOCK: m |= set; break;
    case SIG_UNBLOCK: m &= ~set; break;
    case SIG_SETMASK: m = (m & keep) | set; break;
    default: return -EINVAL;
    }
    t->sigmask = blockable(m);
    runtime_hooks.sigmask_changed(t);
    t->cpu.pending = 1; /* one held back may be deliverable now */
    return 0;
}

SYSCALL(rt_sigprocmask)
{
    uint64_t set, old = c->t->sigmask;
    if (c->a[3] != 8)
        return -EINVAL;
    if (c->a[1]) {
        if (mem_read(&set, c->a[1], 8))
            return -EFAULT;
        int r = change_mask(c->t, c->a[0], set, 0);
        if (r)
            return r;
    }
    return c->a[2] ? mem_write(c->a[2], &old, 8) : 0;
}

SYSCALL(sigprocmask)
{
    uint32_t set, old = (uint32_t)c->t->sigmask;
    if (c->a[1]) {
        if (mem_read(&set, c->a[1], 4))
            return -EFAULT;
        int r = change_mask(c->t, c->a[0], set, ~UINT64_C(0xffffffff));
        if (r)
            return r;
    }
    return c->a[2] ? mem_write(c->a[2], &old, 4) : 0;
}

SYSCALL(sgetmask) { return (uint32_t)c->t->sigmask; }
SYSCALL(ssetmask)
{
    uint32_t old = (uint32_t)c->t->sigmask;
    change_mask(c->t, SIG_SETMASK, c->a[0], 0);
    return old;
}

static int64_t pending(struct thread *t)
{
    uint64_t m = 0;
    HC(SYS_rt_sigpending, &m, 8, 0, 0, 0, 0);
    if (t->pend.valid)
        m |= bit(t->pend.info.si_signo);
    m |= runtime_hooks.sync_pending(t);
    return (int64_t)(m & t->sigmask);
}

SYSCALL(rt_sigpending)
{
    uint64_t m = (uint64_t)pending(c->t);
    return c->a[1] > 8 ? -EINVAL : mem_write(c->a[0], &m, c->a[1]);
}
SYSCALL(sigpending)
{
    uint32_t m = (uint32_t)pending(c->t);
    return mem_write(c->a[0], &m, 4);
}

static int64_t suspend(struct thread *t, uint64_t mask)
{
    if (!t->sigmask_restore) {
        t->sigmask_saved = t->sigmask;
        t->sigmask_restore = true;
    }
    t->sigmask = blockable(mask);
    uint64_t host = t->sigmask & ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) |
                                   bit(SIGTRAP));
    return HCB(SYS_rt_sigsuspend, &host, 8, 0, 0, 0, 0);
}

SYSCALL(rt_sigsuspend)
{
    uint64_t m;
    if (c->a[1] != 8)
        return -EINVAL;
    return mem_read(&m, c->a[0], 8) ? -EFAULT : suspend(c->t, m);
}
SYSCALL(sigsuspend) { return suspend(c->t, c->a[2]); }
SYSCALL(pause)
{
    return HCB(SYS_ppoll, 0, 0, 0, 0, 0, 0);
}

/* ---- waiting for ---- */

static int64_t timedwait(struct sysctx *c, bool t64)
{
    uint64_t set;
    siginfo_t info;
    struct timespec ts;
    if (c->a[3] != 8)
        return -EINVAL;
    if (mem_read(&set, c->a[0], 8) || (c->a[2] && get_timespec(c->a[2], t64, &ts)))
        return -EFAULT;
    int64_t r = runtime_hooks.sync_take(c->t, set, &info)
                    ? info.si_signo
                    : HCB(SYS_rt_sigtimedwait, &set, &info, c->a[2] ? (long)&ts : 0, 8, 0, 0);
    if (r == SYSRET_RESTART_NOHAND && runtime_hooks.sync_take(c->t, set, &info))
        r = info.si_signo;
    if (r > 0)
        signal_undisguise(&info);
    if (r > 0 && c->a[1] && abi_write_siginfo(c->a[1], &info))
        return -EFAULT;
    return r;
}
SYSCALL(rt_sigtimedwait) { return timedwait(c, false); }
SYSCALL(rt_sigtimedwait_time64) { return timedwait(c, true); }

static int64_t do_signalfd(uint32_t fd, uint32_t mask, uint32_t size, uint32_t flags)
{
    uint64_t m;
    if (size != 8)
        return -EINVAL;
    if (mem_read(&m, mask, 8))
        return -EFAULT;
    return HC(SYS_signalfd4, s32(fd), &m, 8, flags, 0, 0);
}
SYSCALL(signalfd) { return do_signalfd(c->a[0], c->a[1], c->a[2], 0); }
SYSCALL(signalfd4) { return do_signalfd(c->a[0], c->a[1], c->a[2], c->a[3]); }

/* ---- sending: SIGSTOP to a tracee is the tracer's matter ---- */

SYSCALL(kill)
{
    if (c->a[1] == SIGSTOP && s32(c->a[0]) > 0 && tracer_stops(c->t, (int)c->a[0], 0, SI_USER))
        return 0;
    return HC(SYS_kill, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0);
}
SYSCALL(tkill)
{
    if (c->a[1] == SIGSTOP && tracer_stops(c->t, 0, (int)c->a[0], SI_TKILL))
        return 0;
    return HC(SYS_tkill, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0);
}
SYSCALL(tgkill)
{
    if (c->a[2] == SIGSTOP && tracer_stops(c->t, 0, (int)c->a[1], SI_TKILL))
        return 0;
    return HC(SYS_tgkill, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), 0, 0, 0);
}

/* ---- sending with payload ---- */

/* The kernel takes the number from the argument, not from the structure. */
void signal_disguise(siginfo_t *info, uint32_t sig)
{
    bool sync = sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
    if (!sync || info->si_code <= 0 || info->si_code > SI_FAULT_MAX)
        return;
    void *addr = info->si_addr;
    info->si_errno = SI_LIKE_FAULT | info->si_code;
    info->si_code = SI_QUEUE;
    info->si_value.sival_ptr = addr;
}

static bool like_fault(int code, int err)
{
    return code == SI_QUEUE && (err & ~SI_FAULT_MAX) == SI_LIKE_FAULT;
}

static bool given_back(int code, int err)
{
    return (err & ~SI_GIVEN_ERRNO) == SI_GIVEN_MARK && code >= SI_GIVEN_BACK &&
           code <= SI_GIVEN_BACK + SI_GIVEN_MAX;
}

bool signal_disguised(int code, int err) { return like_fault(code, err) || given_back(code, err); }

void signal_undisguise(siginfo_t *info)
{
    if (like_fault(info->si_code, info->si_errno)) {
        info->si_addr = info->si_value.sival_ptr;
        info->si_code = info->si_errno & SI_FAULT_MAX;
        info->si_errno = 0;
    } else if (given_back(info->si_code, info->si_errno)) {
        info->si_code -= SI_GIVEN_BACK;
        info->si_errno &= SI_GIVEN_ERRNO;
    }
}

bool signal_to_process(siginfo_t info)
{
    int sig = info.si_signo;
    signal_disguise(&info, (uint32_t)sig);
    int64_t r = HC(SYS_rt_sigqueueinfo, getpid(), sig, &info, 0, 0, 0);
    if (r == -EPERM && info.si_code >= 0 && info.si_code <= SI_GIVEN_MAX &&
        !(info.si_errno & ~SI_GIVEN_ERRNO)) {
        info.si_code += SI_GIVEN_BACK;
        info.si_errno |= SI_GIVEN_MARK;
        r = HC(SYS_rt_sigqueueinfo, getpid(), sig, &info, 0, 0, 0);
    }
    return !r;
}

SYSCALL(rt_sigqueueinfo)
{
    siginfo_t info;
    if (abi_read_siginfo(&info, c->a[2]))
        return -EFAULT;
    if ((int)c->a[0] == c->t->tid)
        signal_disguise(&info, c->a[1]);
    return HC(SYS_rt_sigqueueinfo, s32(c->a[0]), s32(c->a[1]), &info, 0, 0, 0);
}
SYSCALL(rt_tgsigqueueinfo)
{
    siginfo_t info;
    if (abi_read_siginfo(&info, c->a[3]))
        return -EFAULT;
    if ((int)c->a[1] == c->t->tid)
        signal_disguise(&info, c->a[2]);
    return HC(SYS_rt_tgsigqueueinfo, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), &info, 0, 0);
}
SYSCALL(pidfd_send_signal)
{
    siginfo_t info;
    void *p = !c->a[2] ? NULL : abi_read_siginfo(&info, c->a[2]) ? BAD_PTR : (void *)&info;
    if (p == &info && info.si_code > 0 && info.si_signo == s32(c->a[1])) { /* only to itself; is it that? */
        siginfo_t none = info;
        none.si_signo = 0;
        int64_t r = HC(SYS_pidfd_send_signal, s32(c->a[0]), 0, &none, c->a[3], 0, 0);
        if (r)
            return r;
        signal_disguise(&info, c->a[1]);
    }
    return HC(SYS_pidfd_send_signal, s32(c->a[0]), s32(c->a[1]), p, c->a[3], 0, 0);
}

/* ---- alternate stack, return ---- */

SYSCALL(sigaltstack)
{
    struct thread *t = c->t;
    const struct guest_altstack *s = &t->altstack;
    gaddr sp = t->cpu.gpr[REG_ESP];
    uint32_t state = !s->size ? G_SS_DISABLE : sigframe_on_altstack(t, sp) ? G_SS_ONSTACK : 0;
    struct i386_stack new, old = {s->sp, state | (s->flags & G_SS_AUTODISARM), s->size};
    if (c->a[0]) {
        if (mem_read(&new, c->a[0], sizeof new))
            return -EFAULT;
        int r = sigframe_set_altstack(t, &(struct guest_altstack){new.sp, new.flags, new.size}, sp);
        if (r)
            return r;
    }
    return c->a[1] ? mem_write(c->a[1], &old, sizeof old) : 0;
}

SYSCALL(sigreturn)
{
    runtime_hooks.sigreturn(c->t, false);
    return SYSRET_DONE;
}
SYSCALL(rt_sigreturn)
{
    runtime_hooks.sigreturn(c->t, true);
    return SYSRET_DONE;
}
