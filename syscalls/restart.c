/* Calls that a signal without a handler interrupts and that go on with what is left of their time: they end
 * with SYSRET_RESTART_BLOCK, and restart_syscall(2), made in their place, takes them up (kernel/signal.c). */
#include "syscalls/priv.h"

enum { ABSOLUTE = -1 };

struct timespec time_after(struct timespec t, const struct timespec *length)
{
    static const time_t ever = INT64_MAX / 4; /* more than the kernel's clocks count */
    t.tv_sec += length->tv_sec < ever ? length->tv_sec : ever;
    t.tv_nsec += length->tv_nsec;
    if (t.tv_nsec >= 1000000000)
        t = (struct timespec){t.tv_sec + 1, t.tv_nsec - 1000000000};
    return t;
}

struct timespec time_left(struct timespec end, const struct timespec *now)
{
    end.tv_sec -= now->tv_sec;
    end.tv_nsec -= now->tv_nsec;
    if (end.tv_nsec < 0)
        end = (struct timespec){end.tv_sec - 1, end.tv_nsec + 1000000000};
    return end.tv_sec < 0 ? (struct timespec){0, 0} : end;
}

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
    if (left)
        b->end = time_after(now, left);
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
        left = time_left(left, &now);
    }
    return b->fn(&o, b->timed ? &left : NULL);
}
