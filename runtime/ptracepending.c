/* PTRACE_PEEKSIGINFO. The host keeps the pending signals, and nobody but another tracer may look at its
 * queues: they are emptied and filled again. The host gives the thread's signals before those of the
 * process, each by number, so what comes out is ordered so too, not by arrival. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/log.h"
#include "runtime/ptrace.h"
#include "syscalls/syscalls.h"

struct taken {
    struct taken *next;
    siginfo_t info;
    bool shared; /* sent to the process */
};

/* Those that xrun never blocks do not wait in the host. */
static uint64_t kept_by_host(void)
{
    static const uint8_t sync[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    uint64_t mask = UINT64_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(sync); i++)
        mask &= ~(UINT64_C(1) << (sync[i] - 1));
    return mask;
}

static uint64_t pending_for_thread(void)
{
    char text[8192];
    unsigned long long mask = 0;
    const char *p = proc_read("/proc/thread-self/status", text, sizeof text) > 0
                        ? strstr(text, "\nSigPnd:") : NULL;
    if (p)
        sscanf(p, "\nSigPnd: %llx", &mask);
    return mask;
}

static struct taken *take_all(void)
{
    const uint64_t mask = kept_by_host();
    static const struct timespec now = {0, 0};
    struct taken *first = NULL, **end = &first;
    for (;;) {
        struct taken x = {.shared = !(pending_for_thread() & mask)};
        if (host_syscall(SYS_rt_sigtimedwait, (long)&mask, (long)&x.info, (long)&now, 8, 0, 0) <= 0)
            return first;
        signal_undisguise(&x.info);
        *end = xmalloc(sizeof x);
        **end = x;
        end = &(*end)->next;
    }
}

static void put_back(const struct thread *t, struct taken *x)
{
    while (x) {
        struct taken *next = x->next;
        long info = (long)&x->info, sig = x->info.si_signo, pid = t->proc->pid;
        if (x->shared)
            signal_to_process(x->info);
        else
            host_syscall(SYS_rt_tgsigqueueinfo, pid, t->tid, sig, info, 0, 0);
        free(x);
        x = next;
    }
}

int ptrace_pending(struct thread *t, uint32_t skip, bool shared, siginfo_t *to, uint32_t room)
{
    struct taken *all = take_all();
    uint32_t n = 0;
    for (const struct taken *x = all; x && n < room; x = x->next) {
        if (x->shared != shared)
            continue;
        if (skip)
            skip--;
        else
            to[n++] = x->info;
    }
    put_back(t, all);
    return (int)n;
}
