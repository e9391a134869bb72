/* Syscall user dispatch: a program has its own system calls turned into SIGSYS, but those made from
 * one range of addresses. As kernel/entry/syscall_user_dispatch.c. */
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "syscalls/priv.h"

enum { SELECTOR_ALLOW, SELECTOR_BLOCK };
enum { G_SYS_USER_DISPATCH = 2 }; /* si_code */
enum { SIGRETURN_BYTES = 8, RT_SIGRETURN_BYTES = 7 }; /* of the vDSO's, up to behind int 0x80 */

int user_dispatch_set(struct thread *t, uint64_t mode, uint64_t start, uint64_t len,
                      uint64_t selector)
{
    if (mode == PR_SYS_DISPATCH_OFF) {
        if (start || len || selector)
            return -EINVAL;
    } else if (mode == PR_SYS_DISPATCH_ON) {
        if (start && start + len <= start)
            return -EINVAL;
    } else {
        return -EINVAL;
    }
    t->dispatch = (struct user_dispatch){(gaddr)start, (uint32_t)len, (gaddr)selector};
    if (mode == PR_SYS_DISPATCH_ON)
        __atomic_or_fetch(&t->syscall_work, (uint32_t)WORK_DISPATCH, __ATOMIC_ACQ_REL);
    else
        __atomic_and_fetch(&t->syscall_work, ~(uint32_t)WORK_DISPATCH, __ATOMIC_ACQ_REL);
    return 0;
}

bool vdso_sigreturn_call(const struct sysctx *c)
{
    gaddr ip = c->t->cpu.eip;
    const struct process *p = c->t->proc;
    return ip == p->vdso_sigreturn + SIGRETURN_BYTES ||
           ip == p->vdso_rt_sigreturn + RT_SIGRETURN_BYTES;
}

static bool force(struct sysctx *c, int sig, bool fatal)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = sig;
    i.si_code = fatal ? SI_KERNEL : G_SYS_USER_DISPATCH;
    if (!fatal) {
        i.si_call_addr = (void *)(uintptr_t)c->t->cpu.eip;
        i.si_syscall = (int)c->nr;
        i.si_arch = AUDIT_ARCH_I386;
    }
    runtime_hooks.force_signal(c->t, &i, fatal);
    return true;
}

bool user_dispatch(struct sysctx *c)
{
    const struct user_dispatch *d = &c->t->dispatch;
    if (c->t->cpu.eip - d->start < d->len || vdso_sigreturn_call(c))
        return false;
    if (d->selector) {
        uint8_t state;
        if (mem_read(&state, d->selector, 1))
            return force(c, SIGSEGV, true);
        if (state == SELECTOR_ALLOW)
            return false;
        if (state != SELECTOR_BLOCK)
            return force(c, SIGSYS, true);
    }
    return force(c, SIGSYS, false);
}
