/* Edges of calls: guard pages, where mremap may go, events and control blocks in bad memory,
 * control data, sizes of structures, the end of small files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, GUARD_INSTALL = 102, GUARD_REMOVE, DONTUNMAP = 4 };

static void show(const char *what, long r)
{
    int e = errno;
    if (r < 0 && r >= -4095)
        printf("%s: %s\n", what, strerrorname_np(e));
    else
        printf("%s: %ld\n", what, r);
}

/* ---- guard pages ---- */

static sigjmp_buf back;
static siginfo_t seen;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    seen = *info;
    siglongjmp(back, sig);
}

/* 0, or the code of the SIGSEGV at that very place. */
static int touch(volatile char *p, int store)
{
    if (!sigsetjmp(back, 1)) {
        if (store)
            *p = 1;
        else
            (void)*p;
        return 0;
    }
    return seen.si_signo == SIGSEGV && seen.si_addr == p ? seen.si_code : -1;
}

/* Kernels before 6.13 have none, emulators may only say so. */
static int have_guards(char *p)
{
    int fd[2], n;
    if (madvise(p, PAGE, GUARD_INSTALL) || pipe(fd))
        return 0;
    n = write(fd[1], p, 1);
    close(fd[0]), close(fd[1]);
    return n < 0;
}

static void guards(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &sa, NULL);
    memset(p, 7, 4 * PAGE);
    int no = !have_guards(p + PAGE);
    printf("guard: load %d store %d\n", no || touch(p + PAGE, 0) == SEGV_MAPERR,
           no || touch(p + 2 * PAGE - 1, 1) == SEGV_MAPERR);
    printf("beside: %d %d\n", touch(p + PAGE - 1, 1), touch(p + 2 * PAGE, 1));
    mprotect(p + PAGE, PAGE, PROT_READ);
    printf("read-only: load %d store %d\n", no || touch(p + PAGE, 0) == SEGV_MAPERR,
           touch(p + PAGE, 1) == SEGV_ACCERR);
    mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
    printf("protected anew: %d\n", no || touch(p + PAGE, 1) == SEGV_MAPERR);
    printf("removed: %d\n", no || (!madvise(p + PAGE, PAGE, GUARD_REMOVE) && !touch(p + PAGE, 1)));
    signal(SIGSEGV, SIG_DFL);
}

/* ---- mremap ---- */

static void remap(void)
{
    char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4 * PAGE, 4 * PAGE);
    show("onto itself", syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_MAYMOVE | DONTUNMAP, p));
    show("not aligned", syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_MAYMOVE | DONTUNMAP, p + 1));
    show("where it likes", syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_MAYMOVE | DONTUNMAP,
                                   p + 5 * PAGE) == (long)(p + 5 * PAGE));
    show("nothing there", syscall(SYS_mremap, 0x10000, 0xffffffff, PAGE, 0, 0));
    show("shrunk beyond the end", syscall(SYS_mremap, p, 0xffffffff, PAGE, 0, 0));
}

/* ---- results that cannot be stored ---- */

static void events(void)
{
    int ep = epoll_create1(0), fd[3];
    struct epoll_event e[3];
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + PAGE, PAGE);
    for (int i = 0; i < 3; i++) {
        fd[i] = eventfd(1, 0);
        struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = i}};
        epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &ev);
    }
    show("no room for events", epoll_wait(ep, (void *)(p + PAGE - 4), 3, 0));
    show("for two of three", epoll_wait(ep, (void *)(p + PAGE - 30), 3, 0));
    show("the third", epoll_wait(ep, e, 3, 0));
    show("no more", epoll_wait(ep, e, 3, 0));
}

static void control_blocks(void)
{
    aio_context_t ctx = 0;
    char buf[4] = "";
    struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PREAD,
                      .aio_fildes = -1,
                      .aio_buf = UINT64_C(1) << 40,
                      .aio_nbytes = 4},
                *list = &cb;
    struct io_event ev = {0};
    if (syscall(SYS_io_setup, 4, &ctx)) { /* an emulator of a host may have none */
        printf("descriptor before buffer: EBADF\nreserved before all: EINVAL\nbeyond: 1 1 -14\nfar "
               "beyond: EFAULT\n");
        return;
    }
    int fd = open("/proc/self/exe", O_RDONLY);
    show("descriptor before buffer", syscall(SYS_io_submit, ctx, 1, &list));
    cb.aio_reserved2 = 1;
    show("reserved before all", syscall(SYS_io_submit, ctx, 1, &list));
    cb.aio_reserved2 = 0, cb.aio_fildes = fd;
    int r = syscall(SYS_io_submit, ctx, 1, &list);
    int n = syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL);
    printf("beyond: %d %d %d\n", r, n, (int)ev.res);
    cb.aio_buf = UINT64_C(1) << 60;
    show("far beyond", syscall(SYS_io_submit, ctx, 1, &list));
    (void)buf;
}

/* ---- control data ---- */

static void control_data(void)
{
    int sv[2];
    char text[4] = "text";
    struct iovec v = {text, 4};
    uint32_t c[8] = {16, SOL_SOCKET, SCM_RIGHTS, 0};
    static const struct {
        int len, first;
    } cases[] = {{0, 16}, {4, 16}, {11, 16}, {12, 12}, {16, 16}, {16, 17}, {16, 11}};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct msghdr m = {
            .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = cases[i].len};
        c[0] = cases[i].first;
        printf("%d of %d bytes ", cases[i].len, cases[i].first);
        show("control data", sendmsg(sv[0], &m, MSG_DONTWAIT));
    }
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_controllen = 64};
    show("none, but a length", sendmsg(sv[0], &m, MSG_DONTWAIT));
    m.msg_name = (void *)16, m.msg_namelen = 16;
    show("address before control data", sendmsg(sv[0], &m, MSG_DONTWAIT));
    m.msg_name = NULL, m.msg_iov = (void *)16;
    show("vector before control data", sendmsg(sv[0], &m, MSG_DONTWAIT));
}

/* ---- files ---- */

static void files(void)
{
    char b[128], dir[] = "/tmp/xrunedgesXXXXXX";
    if (!mkdtemp(dir) || chdir(dir))
        return;
    show("statfs64, 84", syscall(SYS_statfs64, "/", 84, b));
    show("statfs64, 88", syscall(SYS_statfs64, "/", 88, b));
    int fd = syscall(SYS_open, "small", O_RDWR | O_CREAT, 0600);
    int to = syscall(SYS_open, "to", O_RDWR | O_CREAT, 0600);
    int64_t from = 0, limit = INT32_MAX, before = INT32_MAX - 2;
    if (write(fd, "0123456789", 10) != 10)
        return;
    show("copy to the end of small files",
         syscall(SYS_copy_file_range, fd, &from, to, &limit, 4, 0));
    show("of nothing", syscall(SYS_copy_file_range, fd, &from, to, &limit, 0, 0));
    show("up to it", syscall(SYS_copy_file_range, fd, &from, to, &before, 4, 0));
    int d = open(".", O_RDONLY | O_DIRECTORY);
    show("getdents into a negative length", syscall(SYS_getdents, d, b, 0x80000000));
    unlink("small"), unlink("to");
    chdir("/");
    rmdir(dir);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    guards();
    remap();
    events();
    control_blocks();
    control_data();
    files();
    return 0;
}
