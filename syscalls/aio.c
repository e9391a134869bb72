/* Linux native AIO (fs/aio.c). A context's id is the address of its completion ring, which programs
 * read: the host's ring is moved into the guest's space, and the kernel follows it. The control
 * blocks and events have one layout for all; only vectors need converting. */
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "syscalls/priv.h"

/* Start of the ring (struct aio_ring). */
struct ring { uint32_t id, nr, head, tail, magic, compat, incompat, header_length; };

static uint32_t ring_size(const struct ring *r)
{
    return PAGE_UP(r->header_length + r->nr * (uint32_t)sizeof(struct io_event));
}

SYSCALL(io_setup)
{
    uint32_t id;
    aio_context_t host = 0;
    if (mem_read32(c->a[1], &id))
        return -EFAULT;
    if (id)
        return -EINVAL;
    int64_t r = HC(SYS_io_setup, c->a[0], &host, 0, 0, 0, 0);
    if (r)
        return r;
    uint32_t size = ring_size((const struct ring *)host);
    int64_t at = mem_adopt((void *)host, size, 3, "/[aio] (deleted)");
    if (at < 0) {
        HC(SYS_io_destroy, host, 0, 0, 0, 0, 0);
        return at;
    }
    if (!mem_write32(c->a[1], (uint32_t)at))
        return 0;
    HC(SYS_io_destroy, at, 0, 0, 0, 0, 0);
    mem_unmap((gaddr)at, size);
    return -EFAULT;
}

SYSCALL(io_destroy) /* the kernel unmaps the ring */
{
    struct ring ring;
    bool known = !mem_read(&ring, c->a[0], sizeof ring);
    int64_t r = HC(SYS_io_destroy, c->a[0], 0, 0, 0, 0, 0);
    if (!r && known)
        mem_unmap(c->a[0], ring_size(&ring));
    return r;
}

/* The address that the host is to find in the control block instead: of a converted vector in `v`, of nothing if the
 * guest's is outside of its memory (where xrun is). The guest's own if it will do. */
static uint64_t other_buffer(const struct iocb *cb, struct iovec v[IOV_LIMIT])
{
    enum { USER_BITS = 47 };
    switch (cb->aio_lio_opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PWRITE:
        if (cb->aio_buf > UINT32_MAX)
            return (uintptr_t)(cb->aio_buf >> USER_BITS ? BAD_PTR : HOLE_PTR);
        if (cb->aio_lio_opcode == IOCB_CMD_PREAD)
            mem_prepare_write((uint32_t)cb->aio_buf, (uint32_t)cb->aio_nbytes);
        return cb->aio_buf;
    case IOCB_CMD_PREADV:
    case IOCB_CMD_PWRITEV:
        if (cb->aio_buf > UINT32_MAX)
            return (uintptr_t)BAD_PTR;
        return (uintptr_t)host_iovec((uint32_t)cb->aio_buf, (uint32_t)cb->aio_nbytes, v,
                                     cb->aio_lio_opcode == IOCB_CMD_PREADV);
    default: return cb->aio_buf;
    }
}

/* Submits one control block where it is: its address is what the event will name. Another buffer is in it for the
 * time of the call, in which the kernel copies it. */
static int64_t submit_one(uint32_t ctx, uint32_t at)
{
    struct iocb cb;
    struct iovec v[IOV_LIMIT];
    const uint32_t field = at + (uint32_t)offsetof(struct iocb, aio_buf);
    uint64_t one = at, buf = 0;
    bool known = !mem_read(&cb, at, sizeof cb);
    if (known)
        buf = other_buffer(&cb, v);
    bool changed = known && buf != cb.aio_buf;
    if (changed && mem_write(field, &buf, sizeof buf))
        return -EFAULT;
    mem_prepare_write(at, sizeof cb);
    int64_t r = HC(SYS_io_submit, ctx, 1, &one, 0, 0, 0);
    if (changed)
        mem_write(field, &cb.aio_buf, sizeof cb.aio_buf);
    return r;
}

SYSCALL(io_submit)
{
    int32_t n = (int32_t)c->a[1];
    int64_t r = HC(SYS_io_submit, c->a[0], n < 0 ? n : 0, 0, 0, 0, 0); /* is there a context? */
    for (int32_t i = 0; i < n && r >= 0; i++) {
        uint32_t at;
        r = mem_read32(c->a[2] + (uint32_t)i * 4, &at) ? -EFAULT : submit_one(c->a[0], at);
        if (r <= 0)
            return i ? i : r;
    }
    return r < 0 ? r : n;
}

SYSCALL(io_cancel)
{
    mem_prepare_write(c->a[2], sizeof(struct io_event));
    return HC(SYS_io_cancel, c->a[0], c->a[1], c->a[2], 0, 0, 0);
}

static void prepare_events(const struct sysctx *c)
{
    uint32_t n = c->a[2];
    if (n && n < 1u << 20)
        mem_prepare_write(c->a[3], n * (uint32_t)sizeof(struct io_event));
}

/* An interrupted wait that has nothing is not restarted, even without a handler. */
static int64_t getevents(struct sysctx *c, bool t64)
{
    struct timespec ts, *tp = host_timespec(c->a[4], t64, &ts);
    if (tp == BAD_PTR)
        return -EFAULT;
    prepare_events(c);
    long r = host_syscall_blocking(SYS_io_getevents, (long)c->a[0], s32(c->a[1]), s32(c->a[2]),
                                   (long)c->a[3], (long)tp, 0);
    return r == -EINTR ? r : restartable(r);
}
SYSCALL(io_getevents) { return getevents(c, false); }

static int64_t pgetevents(struct sysctx *c, bool t64)
{
    struct timespec ts, *tp = host_timespec(c->a[4], t64, &ts);
    uint32_t sig[2] = {0, 0};
    uint64_t mask;
    if (tp == BAD_PTR || (c->a[5] && mem_read(sig, c->a[5], sizeof sig)))
        return -EFAULT;
    int e = sig[0] ? use_sigmask(c->t, sig[0], sig[1], &mask) : 0;
    if (e)
        return e;
    prepare_events(c);
    struct { const void *mask; size_t size; } h = {sig[0] ? &mask : NULL, 8};
    long r = host_syscall_blocking(SYS_io_pgetevents, (long)c->a[0], s32(c->a[1]), s32(c->a[2]),
                                   (long)c->a[3], (long)tp, (long)&h);
    return restartable(r);
}
SYSCALL(io_pgetevents) { return pgetevents(c, false); }
SYSCALL(io_pgetevents_time64) { return pgetevents(c, true); }
