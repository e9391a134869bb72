/* poll, select and epoll in both time widths. A timeout that the kernel updates is written back. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>

#include "syscalls/priv.h"

int use_sigmask(struct thread *t, uint32_t addr, uint32_t size, uint64_t *host)
{
    uint64_t m;
    if (size != 8)
        return -EINVAL;
    if (mem_read(&m, addr, 8))
        return -EFAULT;
    if (!t->sigmask_restore) {
        t->sigmask_saved = t->sigmask;
        t->sigmask_restore = true;
    }
    t->sigmask = m & ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1));
    static const uint8_t own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    *host = t->sigmask;
    for (size_t i = 0; i < sizeof own; i++)
        *host &= ~(UINT64_C(1) << (own[i] - 1));
    return 0;
}

/* ---- timeouts (fs/select.c) ---- */

enum { TIMEVAL, TIMESPEC32, TIMESPEC64 }; /* how the guest keeps it */

struct timeout {
    uint32_t addr; /* 0: none */
    int form;
    bool update;   /* what is left is written back; never for a timeout of zero */
    struct timespec ts;
};

static int timeout_read(struct timeout *o, uint32_t addr, int form)
{
    struct i386_timeval tv;
    o->addr = addr, o->form = form, o->update = false;
    if (!addr)
        return 0;
    if (form == TIMEVAL) {
        if (mem_read(&tv, addr, sizeof tv))
            return -EFAULT;
        o->ts = (struct timespec){tv.sec + tv.usec / 1000000, tv.usec % 1000000 * 1000L};
    } else if (get_timespec(addr, form == TIMESPEC64, &o->ts)) {
        return -EFAULT;
    }
    if (o->ts.tv_sec < 0 || o->ts.tv_nsec < 0 || o->ts.tv_nsec >= 1000000000)
        return -EINVAL;
    o->update = (o->ts.tv_sec || o->ts.tv_nsec) &&
                !(process_self->personality & 0x4000000 /* STICKY_TIMEOUTS */);
    return 0;
}

static struct timespec *timeout_host(struct timeout *o) { return o->addr ? &o->ts : NULL; }

/* Writes back what the host left; a call that cannot do so is not restarted. */
static int64_t timeout_finish(const struct timeout *o, int64_t ret)
{
    struct i386_timeval tv = {(int32_t)o->ts.tv_sec, (int32_t)(o->ts.tv_nsec / 1000)};
    int bad = -1;
    if (!o->addr)
        return ret;
    if (o->update)
        bad = o->form == TIMEVAL ? mem_write(o->addr, &tv, sizeof tv)
                                 : put_timespec(o->addr, o->form == TIMESPEC64, &o->ts);
    return bad && o->ts.tv_sec + o->ts.tv_nsec && (ret == SYSRET_RESTART_NOHAND || ret == SYSRET_RESTART) ? -EINTR : ret;
}

static int64_t poll_for(struct sysctx *c, struct timespec *ts) /* the host leaves there what is left */
{
    mem_prepare_write(c->a[0], c->a[1] * 8);
    long r = host_syscall_blocking(SYS_ppoll, (long)c->a[0], (long)c->a[1], (long)ts, 0, 8, 0);
    r = restart_has_begun(c->t, r) ? -EINTR : r;
    return restart_with(c, restartable(r), poll_for, CLOCK_MONOTONIC, ts);
}

SYSCALL(poll)
{
    struct timespec ts = {s32(c->a[2]) / 1000, s32(c->a[2]) % 1000 * 1000000L};
    return poll_for(c, s32(c->a[2]) < 0 ? NULL : &ts);
}

static int64_t do_ppoll(struct sysctx *c, int form)
{
    struct timeout o;
    uint64_t mask;
    int r = timeout_read(&o, c->a[2], form);
    if (!r && c->a[3])
        r = use_sigmask(c->t, c->a[3], c->a[4], &mask);
    if (r)
        return r;
    mem_prepare_write(c->a[0], c->a[1] * 8);
    int64_t ret = restartable(host_syscall_blocking(SYS_ppoll, (long)c->a[0], (long)c->a[1],
                                               (long)timeout_host(&o), c->a[3] ? (long)&mask : 0,
                                               8, 0));
    return timeout_finish(&o, ret);
}
SYSCALL(ppoll) { return do_ppoll(c, TIMESPEC32); }
SYSCALL(ppoll_time64) { return do_ppoll(c, TIMESPEC64); }

/* ---- select ---- */

struct sets {
    fd_set in[3]; /* read, write, except */
    fd_set *p[3];
};

/* The guest's sets are in 32-bit words: exactly the words that hold n bits are touched. */
static uint32_t set_bytes(uint32_t n) { return (n + 31) / 32 * 4; }

static int read_sets(struct sets *s, uint32_t n, const uint32_t addr[3])
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 3; i++) {
        if (!addr[i])
            continue;
        if (mem_read(&s->in[i], addr[i], set_bytes(n)))
            return -EFAULT;
        s->p[i] = &s->in[i];
    }
    return 0;
}

static int64_t do_select(struct sysctx *c, uint32_t n, const uint32_t addr[3], struct timespec *ts,
                         const uint64_t *mask)
{
    struct sets s;
    (void)c;
    if ((int32_t)n < 0)
        return -EINVAL;
    if (n > FD_SETSIZE)
        n = FD_SETSIZE;
    int r = read_sets(&s, n, addr);
    if (r)
        return r;
    struct { const void *p; size_t size; } sig = {mask, 8};
    int64_t ret = restartable(host_syscall_blocking(SYS_pselect6, n, (long)s.p[0], (long)s.p[1],
                                               (long)s.p[2], (long)ts, (long)&sig));
    for (int i = 0; i < 3 && ret >= 0; i++)
        if (addr[i] && mem_write(addr[i], &s.in[i], set_bytes(n)))
            return -EFAULT;
    return ret;
}

static int64_t select_timeval(struct sysctx *c, const uint32_t v[5])
{
    struct timeout o;
    int r = timeout_read(&o, v[4], TIMEVAL);
    return r ? r : timeout_finish(&o, do_select(c, v[0], v + 1, timeout_host(&o), NULL));
}

SYSCALL(_newselect) { return select_timeval(c, c->a); }
SYSCALL(select)
{
    uint32_t v[5];
    return mem_read(v, c->a[0], sizeof v) ? -EFAULT : select_timeval(c, v);
}

static int64_t do_pselect(struct sysctx *c, int form)
{
    struct timeout o;
    uint32_t sig[2] = {0, 0};
    uint64_t mask;
    if (c->a[5] && mem_read(sig, c->a[5], 8))
        return -EFAULT;
    int r = timeout_read(&o, c->a[4], form);
    if (!r && sig[0])
        r = use_sigmask(c->t, sig[0], sig[1], &mask);
    if (r)
        return r;
    return timeout_finish(&o, do_select(c, c->a[0], c->a + 1, timeout_host(&o),
                                        sig[0] ? &mask : NULL));
}
SYSCALL(pselect6) { return do_pselect(c, TIMESPEC32); }
SYSCALL(pselect6_time64) { return do_pselect(c, TIMESPEC64); }

/* ---- epoll: 12-byte events ---- */

SYSCALL(epoll_create1) /* an emulator of the host may let unknown flags pass */
{
    return c->a[0] & ~(uint32_t)EPOLL_CLOEXEC ? -EINVAL
                                              : HC(SYS_epoll_create1, c->a[0], 0, 0, 0, 0, 0);
}
SYSCALL(epoll_create) { return s32(c->a[0]) <= 0 ? -EINVAL : HC(SYS_epoll_create1, 0, 0, 0, 0, 0, 0); }

SYSCALL(epoll_ctl)
{
    struct i386_epoll_event g;
    struct epoll_event ev;
    memset(&ev, 0, sizeof ev);
    void *p = &ev;
    if (c->a[1] != EPOLL_CTL_DEL) {
        if (mem_read(&g, c->a[3], sizeof g)) {
            p = BAD_PTR;
        } else {
            ev.events = g.events;
            ev.data.u64 = g.data;
        }
    }
    return HC(SYS_epoll_ctl, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), p, 0, 0);
}

enum { EVENTS_SMALL = 4096 };

/* Room for *max events, of which most may never be touched; fewer if there is not that much memory. */
static struct epoll_event *events_new(int32_t *max)
{
    if (*max <= EVENTS_SMALL)
        return xmalloc((size_t)*max * sizeof(struct epoll_event));
    for (; *max > EVENTS_SMALL; *max /= 2) {
        void *p = mmap(NULL, (size_t)*max * sizeof(struct epoll_event), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED)
            return p;
    }
    return events_new(max);
}

static void events_free(struct epoll_event *ev, int32_t max)
{
    if (max <= EVENTS_SMALL)
        free(ev);
    else
        munmap(ev, (size_t)max * sizeof *ev);
}

/* How many of `max` events the guest can be given. More must not be taken from the host: what is edge-triggered would
 * be lost. */
static int32_t events_room(uint32_t addr, int32_t max)
{
    uint64_t end = addr + (uint64_t)max * sizeof(struct i386_epoll_event);
    uint64_t a = addr;
    while (a < end && a <= UINT32_MAX && mem_check((gaddr)a, 1, PROT_WRITE))
        a = (a | GUEST_PAGE_MASK) + 1;
    return a < end ? (int32_t)((a - addr) / sizeof(struct i386_epoll_event)) : max;
}

static int64_t epoll_wait_any(struct sysctx *c, long timeout_ms, const struct timespec *ts,
                              uint32_t mask_addr, uint32_t mask_size)
{
    int32_t max = (int32_t)c->a[2];
    uint64_t mask;
    int r = mask_addr ? use_sigmask(c->t, mask_addr, mask_size, &mask) : 0;
    if (r)
        return r;
    if (max <= 0 || max > 0x7fffffff / 12) /* which of the errors is the host's choice */
        return HC(SYS_epoll_pwait, s32(c->a[0]), BAD_PTR, max <= 0 ? max : INT32_MAX, 0, 0, 8);
    int32_t room = events_room(c->a[1], max);
    max = room ? room : 1;
    struct epoll_event *ev = events_new(&max);
    void *out = room ? ev : HOLE_PTR;
    int64_t n;
    if (ts)
        n = restartable(host_syscall_blocking(441 /* epoll_pwait2 */, s32(c->a[0]), (long)out, max,
                                         (long)ts, mask_addr ? (long)&mask : 0, 8));
    else
        n = restartable(host_syscall_blocking(SYS_epoll_pwait, s32(c->a[0]), (long)out, max, timeout_ms,
                                         mask_addr ? (long)&mask : 0, 8));
    for (int64_t i = 0; i < n; i++) {
        struct i386_epoll_event g = {ev[i].events, ev[i].data.u64};
        if (mem_write(c->a[1] + (uint32_t)i * 12, &g, sizeof g))
            n = i ? i : -EFAULT;
    }
    events_free(ev, max);
    return n;
}

SYSCALL(epoll_wait) { return epoll_wait_any(c, s32(c->a[3]), NULL, 0, 0); }
SYSCALL(epoll_pwait) { return epoll_wait_any(c, s32(c->a[3]), NULL, c->a[4], c->a[5]); }
SYSCALL(epoll_pwait2)
{
    struct timespec ts;
    if (!c->a[3])
        return epoll_wait_any(c, -1, NULL, c->a[4], c->a[5]);
    if (get_timespec(c->a[3], true, &ts))
        return -EFAULT;
    if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000)
        return -EINVAL;
    return epoll_wait_any(c, 0, &ts, c->a[4], c->a[5]);
}
SYSCALL(eventfd) { return HC(SYS_eventfd2, c->a[0], 0, 0, 0, 0, 0); }
