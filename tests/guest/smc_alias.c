/* Code that changes by other ways than a store through its own mapping: a second mapping of the
 * same memory, another process, write() to the file, new mappings, protections, system calls. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, RWX = RW | PROT_EXEC };

/* mov eax, v; ret */
static void put(void *at, int v)
{
    unsigned char c[6] = {0xb8, v, v >> 8, v >> 16, v >> 24, 0xc3};
    memcpy(at, c, 6);
}
static int call(void *p) { return ((int (*)(void))p)(); }

static int memfd(void)
{
    int fd = syscall(356, "code", 0); /* memfd_create */
    ftruncate(fd, 8192);
    return fd;
}

static void two_views(void)
{
    int fd = memfd(), sum = 0;
    char *w = mmap(NULL, 8192, RW, MAP_SHARED, fd, 0), *x = mmap(NULL, 8192, RX, MAP_SHARED, fd, 0);
    for (int i = 0; i < 300; i++) {
        put(w + 16 * (i % 3), i);
        sum += call(x + 16 * (i % 3));
    }
    printf("two views %d", sum);
    put(w + 4094, 1);
    sum = call(x + 4094);
    w[4096] = 2; /* a byte of the immediate in the next page */
    printf(" over pages %d %d", sum, call(x + 4094));
    for (int i = 0; i < 5; i++) { /* a loop whose body changes while it is not running */
        unsigned char loop[] = {0x31, 0xc0, 0xb9, 100, 0, 0, 0, 0x83, 0xc0, i, 0xe2, 0xfb, 0xc3};
        memcpy(w + 256, loop, sizeof loop);
        printf(" %d", call(x + 256));
    }
    printf("\n");
    char *x2 = mmap(NULL, 8192, RX, MAP_SHARED, fd, 0);
    put(w, 11);
    int a = call(x2);
    put(w, 12);
    printf("third view %d %d\n", a, call(x2));
    munmap(w, 8192);
    lseek(fd, 1, SEEK_SET);
    write(fd, "\x0e", 1);
    printf("write() to the file %d", call(x));
    pwrite(fd, "\x0f", 1, 1);
    printf(" pwrite %d", call(x2));
    struct iovec v = {"\x10", 1};
    pwritev(fd, &v, 1, 1);
    printf(" pwritev %d", call(x));
    ftruncate(fd, 0);
    ftruncate(fd, 8192);
    pwrite(fd, "\xb8\x11\0\0\0\xc3", 6, 0);
    printf(" after truncation %d\n", call(x));
    munmap(x, 8192);
    close(fd);
}

static void private_file(void)
{
    int fd = memfd();
    char *x;
    pwrite(fd, "\xb8\x01\0\0\0\xc3", 6, 0);
    x = mmap(NULL, 4096, RX, MAP_PRIVATE, fd, 0);
    int a = call(x);
    pwrite(fd, "\x02", 1, 1);
    printf("private mapping, then pwrite %d %d\n", a, call(x));
    munmap(x, 4096);
    close(fd);
}

static void other_process(void)
{
    char *p = mmap(NULL, 4096, RWX, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int sum = 0, go[2], done[2];
    char c;
    put(p, 1);
    sum = call(p);
    pipe(go);
    pipe(done);
    if (!fork()) {
        for (int i = 2; i < 20; i++) {
            read(go[0], &c, 1);
            put(p, i);
            write(done[1], "x", 1);
        }
        _exit(0);
    }
    for (int i = 2; i < 20; i++) {
        write(go[1], "x", 1);
        read(done[0], &c, 1);
        sum += call(p);
    }
    wait(NULL);
    printf("another process %d\n", sum);
}

static void sysv(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT);
    char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_EXEC | SHM_RDONLY);
    shmctl(id, IPC_RMID, NULL);
    int sum = 0;
    for (int i = 0; i < 10; i++) {
        put(a, i);
        sum += call(b);
    }
    printf("SysV %d\n", sum);
    shmdt(a);
    shmdt(b);
}

static void replaced(void)
{
    char *p = mmap(NULL, 8192, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
    int fd = memfd();
    put(p, 1);
    printf("replaced %d", call(p));
    mmap(p, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    put(p, 2);
    printf(" %d", call(p));
    pwrite(fd, "\xb8\x03\0\0\0\xc3", 6, 0);
    mmap(p, 4096, RX, MAP_PRIVATE | MAP_FIXED, fd, 0);
    printf(" %d", call(p));
    munmap(p, 4096);
    q = mmap(p, 4096, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    put(q, 4);
    mprotect(q, 4096, RX);
    printf(" %d", call(p));
    mprotect(q, 4096, RW);
    put(q, 5);
    mprotect(q, 4096, RX);
    printf(" %d", call(p));
    mprotect(q, 4096, RWX);
    put(q, 6);
    printf(" %d", call(p));
    put(p + 4096, 7);
    call(p + 4096);
    mremap(p + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p);
    printf(" moved here %d", call(p));
    char *far = mremap(p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4096);
    put(far, 8);
    printf(" and back %d", call(far));
    madvise(far, 4096, MADV_DONTNEED);
    put(far, 9);
    printf(" emptied %d", call(far));
    brk(NULL);
    char *b = sbrk(8192);
    b = (char *)(((uintptr_t)b + 4095) & ~4095u);
    mprotect(b, 4096, RWX);
    put(b, 10);
    printf(" heap %d", call(b));
    sbrk(-8192);
    b = sbrk(8192);
    b = (char *)(((uintptr_t)b + 4095) & ~4095u);
    mprotect(b, 4096, RWX);
    put(b, 11);
    printf(" and again %d\n", call(b));
}

/* ---- system calls that write into code that has been executed ---- */

static char *page;
#define FRESH(v)                                                                                   \
    do {                                                                                           \
        put(page, v);                                                                              \
        call(page);                                                                                \
    } while (0)

static void syscalls_write(void)
{
    int fd = memfd(), sv[2], p[2];
    static const unsigned char code[] = {0xb8, 77, 0, 0, 0, 0xc3};
    page = mmap(NULL, 8192, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pwrite(fd, code, 6, 0);
    FRESH(1);
    printf("pread %d", (int)pread(fd, page, 6, 0));
    printf(" %d", call(page));
    FRESH(1);
    struct iovec v[2] = {{page, 2}, {page + 2, 4}};
    lseek(fd, 0, SEEK_SET);
    printf(" readv %d", (int)readv(fd, v, 2));
    printf(" %d", call(page));
    socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
    FRESH(1);
    write(sv[0], code, 6);
    printf(" recv %d", (int)recv(sv[1], page, 6, 0));
    printf(" %d", call(page));
    FRESH(1);
    write(sv[0], code, 6);
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    printf(" recvmsg %d", (int)recvmsg(sv[1], &m, 0));
    printf(" %d", call(page));
    FRESH(1);
    pipe(p);
    write(p[1], code + 1, 1);
    printf(" pipe %d", (int)read(p[0], page + 1, 1));
    printf(" %d\n", call(page));
    FRESH(1);
    clock_gettime(CLOCK_REALTIME, (struct timespec *)(page + 2000));
    getcwd(page + 1000, 100);
    int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
    printf("getdents %d", syscall(SYS_getdents64, dir, page + 8, 1000) > 0);
    printf(" %d", call(page));
    struct stat *st = (void *)(page + 16);
    printf(" fstat %d", (int)syscall(SYS_fstat64, fd, st));
    printf(" %d", call(page));
    printf(" getrandom %d", (int)syscall(355, page + 8, 3000, 0));
    printf(" %d", call(page));
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    printf(" wait %d", waitpid(pid, (int *)(page + 1), 0) == pid); /* 0 */
    printf(" %d", call(page));
    FRESH(1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf(" sigprocmask %d", (int)syscall(SYS_rt_sigprocmask, 0, NULL, page + 8, 8));
    printf(" %d\n", call(page));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void handler(int s) { (void)s; }

static void stack_code(void)
{
    unsigned char c[16];
    int sum = 0;
    struct sigaction sa = {.sa_handler = handler};
    sigaction(SIGUSR1, &sa, NULL);
    mprotect((void *)((uintptr_t)c & ~4095u), 8192, RWX);
    for (int i = 0; i < 50; i++) { /* every push dirties the page of the code */
        put(c, i);
        sum += call(c);
        if (i % 10 == 0)
            raise(SIGUSR1); /* frames go into it as well */
    }
    printf("on the stack %d\n", sum);
}

/* The instruction overwrites itself, what follows it, what came before it. */
static void in_the_act(void)
{
    unsigned char *p = (unsigned char *)page + 512;
    /* mov edi, p; mov ecx, 12; mov al, 0x90; rep stosb (over itself and a ud2); mov eax, 5; ret */
    unsigned char rep[] = {0xbf, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xb0, 0x90, 0xf3, 0xaa, 0x0f, 0x0b, 0xb8, 5, 0, 0, 0, 0xc3};
    unsigned a = (unsigned)p, n = 16;
    memcpy(rep + 1, &a, 4);
    memcpy(rep + 6, &n, 4);
    memcpy(p, rep, sizeof rep);
    unsigned edi;
    __asm__ volatile("call *%1" : "=a"(n), "+r"(p) : : "edi", "ecx", "memory");
    printf("rep stos over itself %d\n", n);
    /* mov dword [self], ...: becomes "mov eax, imm32; ret" only for the next time */
    unsigned char *q = (unsigned char *)page + 600;
    unsigned char self[] = {0xc7, 0x05, 0, 0, 0, 0, 0xb8, 9, 0, 0, 0xb8, 4, 0, 0, 0, 0xc3};
    a = (unsigned)q;
    memcpy(self + 2, &a, 4);
    memcpy(q, self, sizeof self);
    n = call(q);
    q[4] = 0;
    q[5] = 0xc3;
    printf("overwrites itself %d then %x\n", n, call(q));
    /* a loop that counts by changing its own immediate: add eax, imm8 with inc byte [imm] */
    unsigned char *r = (unsigned char *)page + 700;
    unsigned char count[] = {0x31, 0xc0, 0xb9, 10, 0, 0, 0, 0x83, 0xc0, 0, 0xfe, 0x05, 0, 0, 0, 0, 0xe2, 0xf5, 0xc3};
    a = (unsigned)r + 9;
    memcpy(count + 12, &a, 4);
    memcpy(r, count, sizeof count);
    printf("changes its own loop %d\n", call(r));
    printf("reads its own bytes %02x %02x\n", r[7], r[16]);
}

/* ---- threads ---- */

static volatile int stop, seen_bad;
static void *runner(void *arg)
{
    int last = 0;
    for (int end = 0; !end;) {
        end = stop; /* the last call is made behind the last change */
        int v = call(arg);
        if (v < last || v > 1000000)
            seen_bad++;
        last = v;
    }
    return (void *)(intptr_t)last;
}

static void cross_thread(void)
{
    pthread_t t[2];
    void *r[2];
    unsigned char *p = (unsigned char *)mmap(NULL, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 3; /* aligned immediate */
    put(p, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, runner, p);
    for (int i = 1; i <= 3000; i++)
        *(volatile int *)(p + 1) = i;
    usleep(20000);
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], &r[i]);
    printf("cross-thread: bad %d, last %d %d\n", seen_bad, (int)r[0], (int)r[1]);
}

static void after_fork(void)
{
    put(page, 5);
    call(page);
    pid_t pid = fork();
    if (!pid) {
        put(page, 6);
        _exit(call(page));
    }
    int st;
    waitpid(pid, &st, 0);
    printf("fork: child %d parent %d\n", WEXITSTATUS(st), call(page));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    two_views();
    private_file();
    other_process();
    sysv();
    replaced();
    syscalls_write();
    stack_code();
    in_the_act();
    after_fork();
    cross_thread();
    return 0;
}
