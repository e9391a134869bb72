/* Calls that a signal without a handler interrupts and that go on with what is left of their time: they end
 * with SYSRET_RESTART_BLOCK, and restart_syscall(2), made in their place, takes them up (kernel/signal.c). */
#include "syscalls/priv.h"

enum { ABSOLUTE = -1 };

bool restart_has_begun(const struct thread *t, long r)
{
    return r == -SAFE_RESTART && t->trace_in_call;
}

int64_t restart_with(struct sysctx *c, int64_t ret, restart_fn fn, int clock,
                     const struct timespec *left)
{
    struct restart_block *b = &c->t->restart_block;
    if (ret != SYSRET_RESTART_NOHAND)
        return ret;
    struct timespec now = {0, 0};
    if (left)
        clock_gettime(clock, &now);
    b->timed = left != NULL;
    b->clock = clock;
    if (left) {
        b->end = (struct timespec){now.tv_sec + left->tv_sec, now.tv_nsec + left->tv_nsec};
        if (b->end.tv_nsec >= 1000000000)
            b->end = (struct timespec){b->end.tv_sec + 1, b->end.tv_nsec - 1000000000};
    }
    __builtin_memcpy(b->a, c->a, sizeof b->a);
    b->fn = fn;
    return SYSRET_RESTART_BLOCK;
}

int64_t restart_until(struct sysctx *c, int64_t ret, restart_fn fn, const struct timespec *end)
{
    ret = restart_with(c, ret, fn, ABSOLUTE, NULL);
    c->t->restart_block.timed = true;
    c->t->restart_block.end = *end;
    return ret;
}

SYSCALL(restart_syscall)
{
    const struct restart_block *b = &c->t->restart_block;
    struct sysctx o = *c;
    struct timespec now, left = b->end;
    if (!b->fn)
        return -EINTR;
    __builtin_memcpy(o.a, b->a, sizeof o.a);
    if (b->timed && b->clock != ABSOLUTE) {
        clock_gettime(b->clock, &now);
        left.tv_sec -= now.tv_sec;
        left.tv_nsec -= now.tv_nsec;
        if (left.tv_nsec < 0)
            left = (struct timespec){left.tv_sec - 1, left.tv_nsec + 1000000000};
        if (left.tv_sec < 0)
            left = (struct timespec){0, 0};
    }
    return b->fn(&o, b->timed ? &left : NULL);
}
