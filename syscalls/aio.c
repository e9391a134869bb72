/* Linux native AIO (fs/aio.c). A context's id is the address of its completion ring, which programs
 * read: the host's ring is moved into the guest's space, and the kernel follows it. The control
 * blocks and events have one layout for all; only vectors need converting, and addresses a look. */
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "core/hostmap.h"
#include "syscalls/priv.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

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

/* What the kernel gets instead of the guest's control block is a copy that no thread of the guest's
 * can change when its addresses have been looked at. An event names the control block by the
 * address that it was submitted with: so the copy lies a multiple of 4 GiB above the guest's, and
 * the lower 32 bits are right wherever a program finds them, in the ring, too. Whoever maps the
 * page there has it alone. */
enum { COPY_LOWEST = 16, COPY_HIGHEST = 127 };
#define COPY_SIZE (2 * (size_t)host_page)
static int copies_to = COPY_LOWEST; /* the highest that was ever used */

static char *copy_page(uint32_t at, int nth)
{
    return (char *)(((uintptr_t)nth << 32) + host_down(at));
}

/* Room for a copy of the control block at `at`; NULL: nobody has it, or no memory. */
static struct iocb *copy_room(uint32_t at, int nth)
{
    char *want = copy_page(at, nth);
    void *p = mmap(want, COPY_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == want)
        return (struct iocb *)(void *)(want + (at - host_down(at)));
    if (p != MAP_FAILED)
        munmap(p, COPY_SIZE);
    return NULL;
}

static struct iocb *copy_begin(uint32_t at, int *nth)
{
    struct iocb *copy = NULL;
    for (*nth = COPY_LOWEST; *nth <= COPY_HIGHEST && !(copy = copy_room(at, *nth)); ++*nth)
        ;
    int known = __atomic_load_n(&copies_to, __ATOMIC_RELAXED);
    while (copy && *nth > known && !__atomic_compare_exchange_n(&copies_to, &known, *nth, false,
                                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return copy;
}

static int64_t submit_one(uint32_t ctx, uint32_t at)
{
    struct iocb cb, *copy;
    struct iovec v[IOV_LIMIT];
    int nth;
    if (mem_read(&cb, at, sizeof cb))
        return -EFAULT;
    const uint32_t key = at + (uint32_t)offsetof(struct iocb, aio_key);
    copy = copy_begin(at, &nth);
    if (!copy)
        return -EAGAIN;
    memcpy(copy, &cb, sizeof cb);
    copy->aio_buf = other_buffer(&cb, v);
    if (!mem_check(key, sizeof cb.aio_key, PROT_WRITE)) /* the kernel finds out in its own order */
        mprotect(copy_page(at, nth), COPY_SIZE, PROT_READ);
    const void *one = copy;
    int64_t r = HC(SYS_io_submit, ctx, 1, &one, 0, 0, 0);
    if (copy->aio_key != cb.aio_key)
        mem_write32(key, copy->aio_key);
    munmap(copy_page(at, nth), COPY_SIZE);
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

/* The kernel looks for the address of the copy, where it wants to read the key. */
static int64_t cancel_copy(const struct sysctx *c, int nth)
{
    struct iocb *copy = copy_room(c->a[1], nth);
    int64_t r = HC(SYS_io_cancel, c->a[0], ((uintptr_t)nth << 32) + c->a[1], c->a[2], 0, 0, 0);
    if (copy)
        munmap(copy_page(c->a[1], nth), COPY_SIZE);
    return r == -EFAULT ? -EINVAL : r;
}

SYSCALL(io_cancel)
{
    uint32_t key;
    if (mem_read32(c->a[1] + (uint32_t)offsetof(struct iocb, aio_key), &key))
        return -EFAULT;
    int64_t r = -EINVAL;
    int to = __atomic_load_n(&copies_to, __ATOMIC_RELAXED);
    for (int nth = COPY_LOWEST; !key && r == -EINVAL && nth <= to; nth++)
        r = cancel_copy(c, nth);
    return r;
}

static void prepare_events(const struct sysctx *c)
{
    uint32_t n = c->a[2];
    if (n && n < 1u << 20)
        mem_prepare_write(c->a[3], n * (uint32_t)sizeof(struct io_event));
}

/* The guest's addresses of the control blocks, in `n` events. */
static int64_t put_addresses(const struct sysctx *c, int64_t n)
{
    uint32_t high = c->a[3] + (uint32_t)offsetof(struct io_event, obj) + 4;
    for (int64_t i = 0; i < n; i++, high += (uint32_t)sizeof(struct io_event))
        mem_write32(high, 0);
    return n;
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
    return r == -EINTR ? r : put_addresses(c, restartable(r));
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
    return put_addresses(c, restartable(r));
}
SYSCALL(io_pgetevents) { return pgetevents(c, false); }
SYSCALL(io_pgetevents_time64) { return pgetevents(c, true); }
