/* Clocks, sleeping, interval and POSIX timers, in 32- and 64-bit time. */
#include <errno.h>
#include <linux/time_types.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/times.h>
#include <unistd.h>

#include "core/stress.h"
#include "syscalls/priv.h"

int get_timespec(uint32_t a, bool t64, struct timespec *ts)
{
    if (t64) {
        int64_t v[2];
        if (mem_read(v, a, sizeof v))
            return -EFAULT;
        *ts = (struct timespec){v[0], (uint32_t)v[1]}; /* the upper half is padding */
        return 0;
    }
    struct i386_timespec v;
    if (mem_read(&v, a, sizeof v))
        return -EFAULT;
    *ts = (struct timespec){v.sec, v.nsec};
    return 0;
}

struct timespec *host_timespec(uint32_t a, bool t64, struct timespec *ts)
{
    if (!a)
        return NULL;
    return get_timespec(a, t64, ts) ? BAD_PTR : ts;
}

static void look_at_time(int64_t seconds)
{
    if (unlikely(seconds != (int32_t)seconds))
        report_loss("time beyond 2038 cut to 32 bits");
}

int put_timespec(uint32_t a, bool t64, const struct timespec *ts)
{
    if (t64) {
        int64_t v[2] = {ts->tv_sec, ts->tv_nsec};
        return mem_write(a, v, sizeof v);
    }
    struct i386_timespec v = {(int32_t)ts->tv_sec, (int32_t)ts->tv_nsec};
    look_at_time(ts->tv_sec);
    return mem_write(a, &v, sizeof v);
}

static int put_timeval(uint32_t a, const struct timeval *tv)
{
    struct i386_timeval v = {(int32_t)tv->tv_sec, (int32_t)tv->tv_usec};
    look_at_time(tv->tv_sec);
    return mem_write(a, &v, sizeof v);
}

SYSCALL(time)
{
    int64_t wide = stress_time(time(NULL));
    int32_t now = (int32_t)wide;
    look_at_time(wide);
    if (c->a[0] && mem_write(c->a[0], &now, 4))
        return -EFAULT;
    return (uint32_t)now;
}

SYSCALL(stime)
{
    int32_t v;
    if (mem_read(&v, c->a[0], 4))
        return -EFAULT;
    struct timespec ts = {stress_untime(v), 0};
    int64_t r = HC(SYS_clock_settime, CLOCK_REALTIME, &ts, 0, 0, 0, 0);
    return r == -EINVAL && !has_capability(25 /* CAP_SYS_TIME */) ? -EPERM : r;
}

SYSCALL(gettimeofday)
{
    struct timeval tv;
    struct timezone tz;
    int64_t r = HC(SYS_gettimeofday, &tv, &tz, 0, 0, 0, 0);
    tv.tv_sec = stress_time(tv.tv_sec);
    if (!r && c->a[0])
        r = put_timeval(c->a[0], &tv);
    if (!r && c->a[1])
        r = mem_write(c->a[1], &tz, 8);
    return r;
}

SYSCALL(settimeofday)
{
    struct i386_timeval v;
    struct timeval tv;
    int32_t tz[2];
    if (c->a[0]) {
        if (mem_read(&v, c->a[0], sizeof v))
            return -EFAULT;
        if ((uint32_t)v.usec > 1000000)
            return -EINVAL;
        tv = (struct timeval){stress_untime(v.sec), v.usec};
    }
    if (c->a[1] && mem_read(tz, c->a[1], 8))
        return -EFAULT;
    return HC(SYS_settimeofday, c->a[0] ? &tv : NULL, c->a[1] ? tz : NULL, 0, 0, 0, 0);
}

/* Does the clock tell the time of day? */
static bool real_time(uint32_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM ||
           clock == CLOCK_TAI;
}

static int64_t clock_read(struct sysctx *c, long nr, bool t64)
{
    struct timespec ts;
    int64_t r;
    if (nr == SYS_clock_gettime) /* through the host's vDSO, which need not enter the kernel */
        r = clock_gettime((clockid_t)c->a[0], &ts) ? -errno : 0;
    else
        r = HC(nr, s32(c->a[0]), &ts, 0, 0, 0, 0);
    if (r || (nr == SYS_clock_getres && !c->a[1]))
        return r;
    if (nr == SYS_clock_gettime && real_time(c->a[0]))
        ts.tv_sec = stress_time(ts.tv_sec);
    return put_timespec(c->a[1], t64, &ts);
}

static int64_t clock_set(struct sysctx *c, bool t64)
{
    struct timespec ts, *p = host_timespec(c->a[1], t64, &ts);
    if (p == &ts)
        stress_deadline(p);
    return HC(SYS_clock_settime, s32(c->a[0]), p, 0, 0, 0, 0);
}

SYSCALL(clock_gettime) { return clock_read(c, SYS_clock_gettime, false); }
SYSCALL(clock_gettime64) { return clock_read(c, SYS_clock_gettime, true); }
SYSCALL(clock_getres) { return clock_read(c, SYS_clock_getres, false); }
SYSCALL(clock_getres_time64) { return clock_read(c, SYS_clock_getres, true); }
SYSCALL(clock_settime) { return clock_set(c, false); }
SYSCALL(clock_settime64) { return clock_set(c, true); }

static bool can_sleep(const struct timespec *p)
{
    return p && p != BAD_PTR && p->tv_sec >= 0 && p->tv_nsec >= 0 && p->tv_nsec < 1000000000;
}

/* A relative sleep that is interrupted writes what is left, and goes on with that or fails with EINTR. */
static int64_t sleep_for(struct sysctx *c, int clock, const struct timespec *p, uint32_t rem,
                         bool t64, restart_fn again)
{
    struct timespec left = {0, 0};
    long r = host_syscall_blocking(SYS_clock_nanosleep, clock, 0, (long)p, (long)&left, 0, 0);
    if (restart_has_begun(c->t, r) && can_sleep(p)) {
        left = *p;
        r = -EINTR;
    } else if (restart_has_begun(c->t, r)) { /* fails at once */
        r = HC(SYS_clock_nanosleep, clock, 0, p, &left, 0, 0);
    }
    if (r == -EINTR && rem && put_timespec(rem, t64, &left))
        return -EFAULT;
    clock = clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock; /* setting it changes no relative sleep */
    return restart_with(c, restartable(r), again, clock, &left);
}

static int64_t nanosleep_again(struct sysctx *c, struct timespec *left)
{
    return sleep_for(c, CLOCK_MONOTONIC, left, c->a[1], false, nanosleep_again);
}
static int64_t clock_nanosleep_again(struct sysctx *c, struct timespec *left)
{
    return sleep_for(c, (int)c->a[0], left, c->a[3], false, clock_nanosleep_again);
}
static int64_t clock_nanosleep64_again(struct sysctx *c, struct timespec *left)
{
    return sleep_for(c, (int)c->a[0], left, c->a[3], true, clock_nanosleep64_again);
}

static int64_t sleep_on(struct sysctx *c, bool t64, restart_fn again)
{
    struct timespec ts, *p = host_timespec(c->a[2], t64, &ts);
    if (!(c->a[1] & TIMER_ABSTIME))
        return sleep_for(c, (int)c->a[0], p, c->a[3], t64, again);
    if (p == &ts)
        stress_deadline(p);
    return HCB(SYS_clock_nanosleep, s32(c->a[0]), s32(c->a[1]), p, NULL, 0, 0);
}

SYSCALL(nanosleep)
{
    struct timespec ts, *p = host_timespec(c->a[0], false, &ts);
    return sleep_for(c, CLOCK_MONOTONIC, p, c->a[1], false, nanosleep_again);
}
SYSCALL(clock_nanosleep) { return sleep_on(c, false, clock_nanosleep_again); }
SYSCALL(clock_nanosleep_time64) { return sleep_on(c, true, clock_nanosleep64_again); }

SYSCALL(times)
{
    struct tms t;
    int64_t r = HC(SYS_times, &t, 0, 0, 0, 0, 0);
    struct i386_tms g = {(int32_t)t.tms_utime, (int32_t)t.tms_stime, (int32_t)t.tms_cutime,
                         (int32_t)t.tms_cstime};
    if (c->a[0] && mem_write(c->a[0], &g, sizeof g))
        return -EFAULT;
    return (uint32_t)r;
}

/* ---- interval timers ---- */

static int put_itimerval(uint32_t a, const struct itimerval *v)
{
    struct i386_itimerval g = {
        {(int32_t)v->it_interval.tv_sec, (int32_t)v->it_interval.tv_usec},
        {(int32_t)v->it_value.tv_sec, (int32_t)v->it_value.tv_usec}};
    return mem_write(a, &g, sizeof g);
}

SYSCALL(getitimer)
{
    struct itimerval v;
    int64_t r = HC(SYS_getitimer, s32(c->a[0]), &v, 0, 0, 0, 0);
    return r ? r : put_itimerval(c->a[1], &v);
}

SYSCALL(setitimer)
{
    struct i386_itimerval g = {{0, 0}, {0, 0}};
    struct itimerval v, old;
    if (c->a[1] && mem_read(&g, c->a[1], sizeof g))
        return -EFAULT;
    v.it_interval = (struct timeval){g.interval.sec, g.interval.usec};
    v.it_value = (struct timeval){g.value.sec, g.value.usec};
    int64_t r = HC(SYS_setitimer, s32(c->a[0]), &v, &old, 0, 0, 0);
    return r || !c->a[2] ? r : put_itimerval(c->a[2], &old);
}

SYSCALL(alarm)
{
    struct itimerval v = {{0, 0}, {(time_t)c->a[0], 0}}, old;
    int64_t r = HC(SYS_setitimer, ITIMER_REAL, &v, &old, 0, 0, 0);
    if (r)
        return r;
    uint32_t s = (uint32_t)old.it_value.tv_sec;
    return s + ((!s && old.it_value.tv_usec) || old.it_value.tv_usec >= 500000);
}

static int get_itimerspec(uint32_t a, bool t64, struct itimerspec *v)
{
    uint32_t half = t64 ? 16 : 8;
    return get_timespec(a, t64, &v->it_interval) || get_timespec(a + half, t64, &v->it_value)
               ? -EFAULT : 0;
}

static int put_itimerspec(uint32_t a, bool t64, const struct itimerspec *v)
{
    uint32_t half = t64 ? 16 : 8;
    return put_timespec(a, t64, &v->it_interval) || put_timespec(a + half, t64, &v->it_value)
               ? -EFAULT : 0;
}

static int64_t timer_set(struct sysctx *c, long nr, bool t64)
{
    struct itimerspec v, old;
    if (!c->a[2] && nr == SYS_timer_settime)
        return -EINVAL;
    if (get_itimerspec(c->a[2], t64, &v))
        return -EFAULT;
    if (c->a[1] & TIMER_ABSTIME)
        stress_deadline(&v.it_value);
    int64_t r = HC(nr, s32(c->a[0]), s32(c->a[1]), &v, &old, 0, 0);
    return r || !c->a[3] ? r : put_itimerspec(c->a[3], t64, &old);
}

static int64_t timer_get(struct sysctx *c, long nr, bool t64)
{
    struct itimerspec v;
    int64_t r = HC(nr, s32(c->a[0]), &v, 0, 0, 0, 0);
    return r ? r : put_itimerspec(c->a[1], t64, &v);
}

SYSCALL(timer_settime) { return timer_set(c, SYS_timer_settime, false); }
SYSCALL(timer_settime64) { return timer_set(c, SYS_timer_settime, true); }
SYSCALL(timer_gettime) { return timer_get(c, SYS_timer_gettime, false); }
SYSCALL(timer_gettime64) { return timer_get(c, SYS_timer_gettime, true); }
SYSCALL(timer_getoverrun) { return HC(SYS_timer_getoverrun, s32(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(timer_delete) { return HC(SYS_timer_delete, s32(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(timerfd_settime) { return timer_set(c, SYS_timerfd_settime, false); }
SYSCALL(timerfd_settime64) { return timer_set(c, SYS_timerfd_settime, true); }
SYSCALL(timerfd_gettime) { return timer_get(c, SYS_timerfd_gettime, false); }
SYSCALL(timerfd_gettime64) { return timer_get(c, SYS_timerfd_gettime, true); }

struct sigevent *host_sigevent(uint32_t a, struct sigevent *ev)
{
    struct { uint32_t value; int32_t signo, notify, tid; } g; /* i386 sigevent, first words */
    if (!a)
        return NULL;
    if (mem_read(&g, a, sizeof g))
        return BAD_PTR;
    memset(ev, 0, sizeof *ev);
    ev->sigev_value.sival_ptr = (void *)(uintptr_t)g.value;
    ev->sigev_signo = g.signo;
    ev->sigev_notify = g.notify;
    memcpy((char *)ev + 16, &g.tid, 4); /* _sigev_un._tid */
    return ev;
}

SYSCALL(timer_create)
{
    struct sigevent ev, *p = host_sigevent(c->a[1], &ev);
    uint32_t before = UINT32_MAX;
    if (p == BAD_PTR)
        return -EFAULT;
    mem_read32(c->a[2], &before); /* the id to give, if prctl(PR_TIMER_CREATE_RESTORE_IDS) says so */
    uint32_t id = before;
    int64_t r = HC(SYS_timer_create, s32(c->a[0]), p, &id, 0, 0, 0);
    /* an id may have been given to a timer that could not be made after all */
    return (!r || id != before) && mem_write32(c->a[2], id) ? -EFAULT : r;
}

/* ---- adjtimex: 32-bit timex is 128 bytes, all words ---- */

/* Its words as fields of the host's structure; the rest of the 32 are zero. */
#define TIMEX_FIELDS(F)                                                                            \
    F(0, modes) F(1, offset) F(2, freq) F(3, maxerror) F(4, esterror) F(5, status) F(6, constant)  \
    F(7, precision) F(8, tolerance) F(9, time.tv_sec) F(10, time.tv_usec) F(11, tick)              \
    F(12, ppsfreq) F(13, jitter) F(14, shift) F(15, stabil) F(16, jitcnt) F(17, calcnt)            \
    F(18, errcnt) F(19, stbcnt)

static int64_t timex_call(long nr, int clock, uint32_t a, bool wide)
{
    struct timex t;
    int32_t g[32];
    int64_t r;
    if (wide) { /* struct __kernel_timex is the host's */
        if (mem_read(&t, a, sizeof t))
            return -EFAULT;
        r = HC(SYS_clock_adjtime, clock, &t, 0, 0, 0, 0);
        return r >= 0 && mem_write(a, &t, sizeof t) ? -EFAULT : r;
    }
    if (mem_read(g, a, sizeof g))
        return -EFAULT;
    memset(&t, 0, sizeof t);
#define GET(i, field) t.field = (typeof(t.field))g[i];
    TIMEX_FIELDS(GET)
#undef GET
    r = nr == SYS_adjtimex ? HC(nr, &t, 0, 0, 0, 0, 0) : HC(nr, clock, &t, 0, 0, 0, 0);
    if (r < 0 && nr == SYS_clock_adjtime)
        return r;
    memset(g, 0, sizeof g);
#define PUT(i, field) g[i] = (int32_t)t.field;
    TIMEX_FIELDS(PUT)
#undef PUT
    g[20] = t.tai;
    return mem_write(a, g, sizeof g) ? -EFAULT : r;
}

SYSCALL(adjtimex) { return timex_call(SYS_adjtimex, 0, c->a[0], false); }
SYSCALL(clock_adjtime) { return timex_call(SYS_clock_adjtime, (int)c->a[0], c->a[1], false); }
SYSCALL(clock_adjtime64) { return timex_call(SYS_clock_adjtime, (int)c->a[0], c->a[1], true); }
