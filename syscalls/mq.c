/* POSIX message queues (ipc/mqueue.c, its compat forms). */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>

#include "core/stress.h"
#include "syscalls/priv.h"

/* struct mq_attr in longs: flags, maxmsg, msgsize, curmsgs, four reserved. The host's is mq_attr. */
struct i386_mq_attr { int32_t v[8]; };

static struct mq_attr *host_attr(uint32_t a, struct mq_attr *out)
{
    struct i386_mq_attr g;
    if (!a)
        return NULL;
    if (mem_read(&g, a, sizeof g))
        return BAD_PTR;
    memset(out, 0, sizeof *out);
    out->mq_flags = g.v[0], out->mq_maxmsg = g.v[1];
    out->mq_msgsize = g.v[2], out->mq_curmsgs = g.v[3];
    return out;
}

SYSCALL(mq_open)
{
    struct mq_attr h, *attr = c->a[1] & O_CREAT ? host_attr(c->a[3], &h) : NULL;
    return HC(SYS_mq_open, c->a[0], open_flags_to_host(c->a[1]), c->a[2], attr, 0, 0);
}

SYSCALL(mq_getsetattr)
{
    struct mq_attr new, old;
    int64_t r = HC(SYS_mq_getsetattr, s32(c->a[0]), host_attr(c->a[1], &new),
                   c->a[2] ? &old : NULL, 0, 0, 0);
    if (r || !c->a[2])
        return r;
    struct i386_mq_attr g = {{(int32_t)old.mq_flags, (int32_t)old.mq_maxmsg,
                              (int32_t)old.mq_msgsize, (int32_t)old.mq_curmsgs}};
    return mem_write(c->a[2], &g, sizeof g);
}

static struct timespec *deadline(uint32_t a, bool t64, struct timespec *ts)
{
    struct timespec *p = host_timespec(a, t64, ts);
    if (p == ts)
        stress_deadline(p);
    return p;
}

static int64_t send(struct sysctx *c, bool t64)
{
    struct timespec ts;
    return HCB(SYS_mq_timedsend, s32(c->a[0]), c->a[1], c->a[2], c->a[3],
               deadline(c->a[4], t64, &ts), 0);
}
SYSCALL(mq_timedsend) { return send(c, false); }
SYSCALL(mq_timedsend_time64) { return send(c, true); }

static int64_t receive(struct sysctx *c, bool t64)
{
    struct timespec ts;
    mem_prepare_write(c->a[1], c->a[2]);
    mem_prepare_write(c->a[3], 4);
    return HCB(SYS_mq_timedreceive, s32(c->a[0]), c->a[1], c->a[2], c->a[3],
               deadline(c->a[4], t64, &ts), 0);
}
SYSCALL(mq_timedreceive) { return receive(c, false); }
SYSCALL(mq_timedreceive_time64) { return receive(c, true); }

/* With SIGEV_THREAD the value points to a cookie of 32 bytes, which the kernel copies now. */
SYSCALL(mq_notify)
{
    struct sigevent ev;
    return HC(SYS_mq_notify, s32(c->a[0]), host_sigevent(c->a[1], &ev), 0, 0, 0, 0);
}
