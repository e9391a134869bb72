/* Linux native AIO: the ring in the program's own memory, reads, writes, vectors, events, errors. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct ring { unsigned id, nr, head, tail, magic, compat, incompat, header; };

static void show(const char *what, long r)
{
    if (r < 0)
        printf("%s %s\n", what, strerrorname_np(errno));
    else
        printf("%s %ld\n", what, r);
}

static struct iocb make(int op, int fd, const void *buf, unsigned n, long long off, int tag)
{
    struct iocb c;
    memset(&c, 0, sizeof c);
    c.aio_data = tag, c.aio_lio_opcode = op, c.aio_fildes = fd;
    c.aio_buf = (uintptr_t)buf, c.aio_nbytes = n, c.aio_offset = off;
    return c;
}

static int by_data(const void *a, const void *b)
{
    const struct io_event *x = a, *y = b;
    return (int)x->data - (int)y->data;
}

static void events(unsigned long ctx, int n, struct iocb *first)
{
    struct io_event e[8];
    memset(e, 0xa5, sizeof e);
    long got = 0;
    while (got < n) {
        long r = syscall(SYS_io_getevents, ctx, 1, 8 - got, e + got, 0);
        if (r <= 0)
            break;
        got += r;
    }
    qsort(e, got, sizeof *e, by_data);
    printf("events %ld\n", got);
    for (int i = 0; i < got; i++)
        printf("  data %llu block %d res %lld res2 %lld\n", (unsigned long long)e[i].data,
               (int)(((struct iocb *)(uintptr_t)e[i].obj) - first), (long long)e[i].res,
               (long long)e[i].res2);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    uint32_t ctx = 0, bad = 1;
    show("setup 0", syscall(SYS_io_setup, 0, &ctx));
    show("setup used", syscall(SYS_io_setup, 8, &bad));
    show("setup at 16", syscall(SYS_io_setup, 8, 16));
    show("setup huge", syscall(SYS_io_setup, 0x7fffffff, &ctx));
    show("setup", syscall(SYS_io_setup, 8, &ctx));
    volatile struct ring *r = (void *)ctx;
    printf("ring magic %x head %u tail %u header %u nr>=8 %d\n", r->magic, r->head, r->tail,
           r->header, r->nr >= 8);

    char path[] = "/tmp/xrunaioXXXXXX", a[64] = "", b[64] = "", c[64] = "";
    int fd = mkstemp(path), ev = eventfd(0, EFD_NONBLOCK);
    unlink(path);
    struct iovec w[2] = {{"vector ", 7}, {"write", 5}}, v[2] = {{b, 3}, {c, 40}};
    struct iocb cb[4] = {make(IOCB_CMD_PWRITE, fd, "hello, world", 12, 0, 1),
                         make(IOCB_CMD_PWRITEV, fd, w, 2, 100, 2)};
    cb[0].aio_flags = IOCB_FLAG_RESFD;
    cb[0].aio_resfd = ev;
    struct iocb *list[4] = {&cb[0], &cb[1], &cb[2], &cb[3]};
    show("submit 2", syscall(SYS_io_submit, ctx, 2, list));
    events(ctx, 2, cb);
    uint64_t count = 0;
    show("eventfd", read(ev, &count, 8));
    printf("count %llu vector kept %d\n", (unsigned long long)count, cb[1].aio_buf == (uintptr_t)w);
    cb[0] = make(IOCB_CMD_PREAD, fd, a, 64, 0, 3);
    cb[1] = make(IOCB_CMD_PREADV, fd, v, 2, 100, 4);
    cb[2] = make(IOCB_CMD_PREAD, fd, a, 64, 1 << 20, 5);
    cb[3] = make(IOCB_CMD_FDSYNC, fd, 0, 0, 0, 6);
    show("submit 4", syscall(SYS_io_submit, ctx, 4, list));
    events(ctx, 4, cb);
    printf("%.12s|%.3s|%.9s\n", a, b, c);
    printf("ring empty %d\n", r->head == r->tail);

    cb[0] = make(IOCB_CMD_PREAD, -1, a, 64, 0, 1);
    cb[1] = make(99, fd, a, 64, 0, 1);
    cb[2] = make(IOCB_CMD_PREAD, fd, (void *)16, 64, 0, 7);
    cb[3] = make(IOCB_CMD_PREADV, fd, (void *)16, 2, 0, 8);
    show("bad fd", syscall(SYS_io_submit, ctx, 1, list));
    show("bad op", syscall(SYS_io_submit, ctx, 1, list + 1));
    show("bad buffer", syscall(SYS_io_submit, ctx, 1, list + 2));
    events(ctx, 1, cb);
    show("bad vector", syscall(SYS_io_submit, ctx, 1, list + 3));
    list[1] = (void *)16;
    cb[0] = make(IOCB_CMD_PREAD, fd, a, 5, 0, 9);
    show("second bad", syscall(SYS_io_submit, ctx, 2, list));
    events(ctx, 1, cb);
    show("array at 16", syscall(SYS_io_submit, ctx, 1, 16));
    show("submit -1", syscall(SYS_io_submit, ctx, -1, list));
    show("submit 0", syscall(SYS_io_submit, ctx, 0, 0));
    show("no context", syscall(SYS_io_submit, 0x1000, 0, 0));

    struct io_event e[2];
    int32_t zero[2] = {0, 0}, short_time[2] = {0, 1000000};
    int64_t zero64[2] = {0, (int64_t)0x7777 << 32};
    show("none", syscall(SYS_io_getevents, ctx, 1, 2, e, zero));
    show("none in time", syscall(SYS_io_getevents, ctx, 1, 2, e, short_time));
    show("min > nr", syscall(SYS_io_getevents, ctx, 3, 2, e, zero));
    show("negative", syscall(SYS_io_getevents, ctx, -1, 2, e, zero));
    show("timeout at 16", syscall(SYS_io_getevents, ctx, 1, 2, e, 16));
    show("pgetevents", syscall(SYS_io_pgetevents, ctx, 1, 2, e, zero, 0));
    show("pgetevents 64", syscall(SYS_io_pgetevents_time64, ctx, 1, 2, e, zero64, 0));
    uint64_t mask = 0;
    uint32_t sig[2] = {(uintptr_t)&mask, 4};
    show("mask size", syscall(SYS_io_pgetevents, ctx, 1, 2, e, zero, sig));
    sig[1] = 8;
    show("mask", syscall(SYS_io_pgetevents, ctx, 1, 2, e, zero, sig));
    show("cancel", syscall(SYS_io_cancel, ctx, &cb[0], e));
    int p[2];
    pipe(p);
    cb[1] = make(IOCB_CMD_POLL, p[0], (void *)1 /* POLLIN */, 0, 0, 10);
    cb[2] = make(IOCB_CMD_POLL, p[0], (void *)1, 0, 0, 11);
    cb[1].aio_key = 7;
    list[0] = &cb[1], list[1] = &cb[2];
    show("submit polls", syscall(SYS_io_submit, ctx, 2, list));
    printf("key %u\n", cb[1].aio_key);
    cb[2].aio_key = 1;
    show("cancel with another key", syscall(SYS_io_cancel, ctx, &cb[2], e));
    cb[2].aio_key = 0;
    show("cancel in another context", syscall(SYS_io_cancel, 0x1000, &cb[2], e));
    show("cancel", syscall(SYS_io_cancel, ctx, &cb[2], e));
    show("cancel twice", syscall(SYS_io_cancel, ctx, &cb[2], e));
    events(ctx, 1, cb);
    write(p[1], "x", 1);
    const struct io_event *ring = (void *)(ctx + r->header);
    for (int i = 0; i < 100 && r->head == r->tail; i++)
        usleep(10000);
    printf("in the ring: data %d block %d\n", (int)ring[r->head].data,
           (int)((struct iocb *)(uintptr_t)ring[r->head].obj - cb));
    events(ctx, 1, cb);
    char *only = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cb[0] = make(IOCB_CMD_PREAD, -1, a, 5, 0, 12);
    cb[1] = make(IOCB_CMD_PREAD, fd, a, 5, 0, 12);
    memcpy(only, cb, 2 * sizeof *cb);
    mprotect(only, 4096, PROT_READ);
    list[0] = (void *)only, list[1] = list[0] + 1;
    show("read-only block, bad fd", syscall(SYS_io_submit, ctx, 1, list));
    show("read-only block", syscall(SYS_io_submit, ctx, 1, list + 1));
    show("cancel at 16", syscall(SYS_io_cancel, ctx, 16, e));
    show("destroy", syscall(SYS_io_destroy, ctx));
    show("destroy twice", syscall(SYS_io_destroy, ctx));
    show("ring gone", write(ev, (void *)ctx, 8));
    return 0;
}
