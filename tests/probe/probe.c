/* Calls every i386 system call number with bad, borderline and harmless arguments and prints what
 * comes back: the errno, 0, or + for any other result, and which bytes of the buffer changed. The
 * output on hardware and under xrun must be the same.
 * usage: probe [typed:STEP] FIRST LAST RANDOM MS [PATTERN]
 * numbers FIRST to LAST; besides the fixed argument sets RANDOM random ones; a call that blocks is
 * ended after MS milliseconds; PATTERN: that argument set only. typed: each STEPth argument set of
 * typed.c instead, of whose calls more is compared: small results as they are, the sum of the bytes
 * written, what became of descriptors and files.
 * The calls are made by a child without privileges, which is started again where it dies. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "typed.h"

enum { PATTERNS_MAX = 4000, PAGE = 4096 };
/* Fixed places, so that results do not depend on layout. A hole follows each. */
#define ARENA 0x50000000u /* filled with 0xa5, read-write, two pages, then a hole */
#define ZERO 0x50010000u  /* zeros, read-write, one page */
#define RONLY 0x50020000u /* zeros, read-only */
#define TEXT 0x50030000u  /* path names, read-only */
#define HOLE 0x50040000u
#define SHARED 0x60000000u

struct result { int32_t ret; uint16_t lo, hi; uint8_t done; uint32_t sum, effects, signals; };
struct shared { volatile uint32_t at; struct result r[PATTERNS_MAX]; };
static struct shared *const sh = (void *)SHARED;
static uint32_t typed; /* 0: no, else each how many-th */

/* Not called at all: they end, replace or duplicate the caller, or reach other processes. */
static const struct { uint16_t nr; const char *why; } skip[] = {
    {1, "exit"}, {2, "fork"}, {37, "kill"}, {88, "reboot"}, {119, "sigreturn"}, {120, "clone"},
    {173, "rt_sigreturn"}, {190, "vfork"}, {238, "tkill"}, {252, "exit_group"}, {270, "tgkill"},
    {435, "clone3"}, {178, "rt_sigqueueinfo"}, {335, "rt_tgsigqueueinfo"},
    {29, "pause"}, {72, "sigsuspend"}, {111, "vhangup"},
};

/* int $0x80 with all six registers. */
static long raw(uint32_t nr, const uint32_t a[6])
{
    const uint32_t x[7] = {nr, a[0], a[1], a[2], a[3], a[4], a[5]};
    long r;
    __asm__ volatile("push %%ebx\n\tpush %%esi\n\tpush %%edi\n\tpush %%ebp\n\t"
                     "mov 4(%%eax), %%ebx\n\tmov 8(%%eax), %%ecx\n\tmov 12(%%eax), %%edx\n\t"
                     "mov 16(%%eax), %%esi\n\tmov 20(%%eax), %%edi\n\tmov 24(%%eax), %%ebp\n\t"
                     "mov (%%eax), %%eax\n\tint $0x80\n\t"
                     "pop %%ebp\n\tpop %%edi\n\tpop %%esi\n\tpop %%ebx"
                     : "=a"(r)
                     : "a"(x)
                     : "ecx", "edx", "memory");
    return r;
}

#define B ARENA
#define M 0xffffffffu
static const uint32_t fixed[][6] = {
    {0, 0, 0, 0, 0, 0},
    {M, M, M, M, M, M},
    {1, 1, 1, 1, 1, 1},
    {16, 16, 16, 16, 16, 16},
    {HOLE, HOLE, HOLE, HOLE, HOLE, HOLE},
    {0xfffff000, 0xfffff000, 0xfffff000, 0xfffff000, 0xfffff000, 0xfffff000},
    {B, B, B, B, B, B},
    {ZERO, ZERO, ZERO, ZERO, ZERO, ZERO},
    {RONLY, RONLY, RONLY, RONLY, RONLY, RONLY},
    {TEXT, TEXT, TEXT, TEXT, TEXT, TEXT},
    {0, B, 64, B + 256, B + 512, B + 768},
    {0, ZERO, 64, ZERO + 256, ZERO + 512, ZERO + 768},
    {3, B, 64, 0, 0, 0},
    {3, ZERO, 8, 0, 0, 0},
    {3, HOLE, 64, HOLE, 0, 0},
    {3, RONLY, 64, RONLY, 8, 0},
    {4, B, 512, 0, 0, 0},
    {5, B, 64, 0, B, B},
    {7, B, 64, 0x40, B + 128, B + 256},
    {7, ZERO, 1, 0x40, 0, 0},
    {M, B, 64, B + 128, 64, B + 256},
    {0, M, B, B + 128, 8, 0},
    {TEXT, B, 64, 64, 0, 0},
    {TEXT, ZERO, 64, 64, 0, 0},
    {TEXT + 16, B, 64, 64, 0, 0},
    {TEXT + 32, B, 64, 64, 0, 0},
    {TEXT + 48, 0, 0, 0, 0, 0},
    {0xffffff9c, TEXT, B, 0, B + 128, 0},
    {0xffffff9c, TEXT, B, 0x100, 0xfff, B + 256},
    {0xffffff9c, TEXT + 16, B, 0, B + 128, 0},
    {0xffffff9c, TEXT + 32, 0, 0, 0, 0},
    {0xffffff9c, HOLE, B, 0, 0, 0},
    {0xffffff9c, 0, B, 0, 0, 0},
    {0, B, B + 64, B + 128, B + 192, B + 256},
    {B, B + 64, B + 128, B + 192, B + 256, B + 320},
    {ZERO, ZERO + 64, ZERO + 128, ZERO + 192, ZERO + 256, ZERO + 320},
    {B + 2 * PAGE - 4, B + 2 * PAGE - 4, 64, B + 2 * PAGE - 4, 64, 0},
    {3, B + 2 * PAGE - 4, 64, 0, 0, 0},
    {0, B + 2 * PAGE - 4, B + 2 * PAGE - 4, 0, 0, 0},
    {1, 2, 3, 4, 5, 6},
    {0x80000000, 0x80000000, 0x80000000, 0x80000000, 0x80000000, 0x80000000},
    {0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff},
    {10, 1, 3, B, 0, 0},
    {0x7fff0009, B, 8, 0, 0, 0},
    {B, 8, 0, 0, 0, 0},
    {B, 0, 0, 0, 0, 0},
    {ZERO, 8, 0, 0, 0, 0},
    {B, 1, ZERO, 8, 0, 0},
    {ZERO, 0, 0, ZERO, 0, 8},
    {2, ZERO, B, 8, 0, 0},
};
enum { FIXED = sizeof fixed / sizeof *fixed };

static const uint32_t values[] = {
    0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 15, 16, 17, 20, 24, 28, 32, 64, 100, 128, 255, 256,
    1000, 1024, 2048, PAGE - 1, PAGE, PAGE + 1, 0x8000, 0x10000, 0x80000, 0x100000, 0x7fffffff, 0x80000000, M, M, M - 1,
    0xffffff9c, 0xffff, 0xfffe, B, B, B, B + 8, B + 1, B + PAGE, B + 2 * PAGE - 8, B + 2 * PAGE - 1, ZERO, ZERO,
    ZERO, ZERO + 64, RONLY, TEXT, TEXT + 16, TEXT + 32, TEXT + 48, HOLE, 16, 0xfffff000, 0xffffffff,
};

static uint32_t rnd_state;
static uint32_t rnd(void)
{
    rnd_state = rnd_state * 1664525u + 1013904223u;
    return rnd_state >> 8;
}

static void arguments(uint32_t nr, uint32_t pattern, uint32_t a[6])
{
    if (typed) {
        typed_arguments(nr, pattern, a);
        return;
    }
    if (pattern < FIXED) {
        for (int i = 0; i < 6; i++)
            a[i] = fixed[pattern][i];
        return;
    }
    rnd_state = nr * 7919u + pattern * 104729u;
    for (int i = 0; i < 6; i++) {
        rnd();
        a[i] = values[rnd() % (sizeof values / sizeof *values)];
    }
}

static void map(uint32_t at, uint32_t len, int prot, int fill)
{
    volatile uint8_t *p = (void *)at;
    uint32_t a[6] = {at, len, 3, 0x32, M, 0};
    raw(192, a);
    if (fill)
        for (uint32_t i = 0; i < len; i++)
            p[i] = (uint8_t)fill;
    uint32_t b[6] = {at, len, (uint32_t)prot};
    if (prot != 3)
        raw(125, b);
}

static void arenas(void)
{
    static const char text[4][16] = {"/etc/passwd", "/nonexistent/x", "/", ""};
    map(B, 2 * PAGE, 3, 0xa5);
    map(ZERO, PAGE, 3, 0);
    map(RONLY, PAGE, 1, 0);
    map(TEXT, PAGE, 3, 0);
    for (int i = 0; i < 64; i++)
        ((volatile char *)TEXT)[i] = ((const char *)text)[i];
    uint32_t ro[6] = {TEXT, PAGE, 1}, u[6] = {HOLE, PAGE};
    raw(125, ro);
    raw(91, u);
    uint32_t v[6] = {B + 2 * PAGE, PAGE};
    raw(91, v);
}

/* Which bytes of the arena have changed: [lo, hi). */
static void extent(struct result *r)
{
    const volatile uint8_t *p = (void *)ARENA;
    r->lo = r->hi = 0;
    for (uint32_t i = 0; i < 2 * PAGE; i++)
        if (p[i] != 0xa5) {
            if (!r->hi)
                r->lo = (uint16_t)i;
            r->hi = (uint16_t)(i + 1);
            r->sum = (r->sum ^ (p[i] + i * 256)) * 16777619u;
        }
}

static void descriptors(void)
{
    char name[] = "/tmp/probeXXXXXX";
    int n = open("/dev/null", O_RDWR), sv[2], pp[2];
    int f = mkstemp(name);
    unlink(name);
    if (write(f, "0123456789abcdef0123456789abcdef", 32) != 32 || ftruncate(f, 1000) || lseek(f, 0, SEEK_SET))
        _exit(99);
    int d = open("/", O_RDONLY | O_DIRECTORY);
    pipe2(pp, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv);
    int e = eventfd(0, EFD_NONBLOCK), ep = epoll_create1(0);
    int from[] = {n, n, n, f, d, pp[0], pp[1], sv[0], sv[1], e, ep};
    for (int i = 0; i < 11; i++)
        from[i] = fcntl(from[i], F_DUPFD, 100);
    for (int i = 0; i < 11; i++)
        dup2(from[i], i);
    for (int i = 11; i < 200; i++)
        close(i);
}

/* What would outlive the process; IPC objects stay in a namespace of the test's own if it can have
 * one. */
static void clean(uint32_t nr, long ret, const uint32_t a[6])
{
    const uint32_t rm[6] = {(uint32_t)ret};
    if (ret < 0)
        return;
    switch (nr) {
    case SYS_semget: raw(SYS_semctl, rm); break;
    case SYS_shmget: raw(SYS_shmctl, rm); break;
    case SYS_msgget: raw(SYS_msgctl, rm); break;
    case SYS_mq_open: raw(SYS_mq_unlink, a); break;
    }
}

static bool left_out(uint32_t nr, uint32_t i)
{
    return typed && (i + nr) % typed;
}

static void count_signal(int sig) { sh->r[sh->at].signals += 1 + (uint32_t)sig * 256; }

static void world(const uint32_t a[6])
{
    umask(022);
    if (!typed) {
        descriptors();
        if (chdir("/"))
            _exit(98);
        return;
    }
    typed_world(a);
    for (int sig = 1; sig < 32; sig++)
        if (!(1u << sig & (1u << SIGSEGV | 1u << SIGBUS | 1u << SIGALRM | 1u << SIGILL | 1u << SIGFPE)))
            signal(sig, count_signal);
}

static void probe(uint32_t nr, uint32_t from, uint32_t to, int ms)
{
    setsid();
    setgroups(0, NULL);
    if (setresgid(65534, 65534, 65534) == 0)
        (void)!setresuid(65534, 65534, 65534);
    for (uint32_t i = from; i < to; i++) {
        uint32_t a[6];
        sh->at = i;
        if (left_out(nr, i))
            continue;
        arguments(nr, i, a);
        world(a);
        struct itimerval it = {{0, 0}, {ms / 1000, ms % 1000 * 1000}}, none = {{0, 0}, {0, 0}};
        arenas();
        setitimer(ITIMER_REAL, &it, NULL);
        long r = raw(nr, a);
        setitimer(ITIMER_REAL, &none, NULL);
        struct result *o = &sh->r[i];
        o->ret = r;
        o->done = 1;
        if (typed && nr == SYS_clone3 && !r)
            _exit(0);
        if (typed && typed_exact(nr))
            o->effects = typed_effects();
        extent(o);
        clean(nr, r, a);
    }
    sh->at = to;
    _exit(0);
}

/* The exit status; a child that does not go on is killed. */
static int wait_for(pid_t pid)
{
    int st;
    uint32_t at = sh->at;
    for (int i = 0, still = 0; still < 600; i++, still++) {
        if (waitpid(pid, &st, WNOHANG) == pid)
            return st;
        usleep(i < 50 ? 1000 : 20000);
        if (sh->at != at)
            at = sh->at, still = 0;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &st, 0);
    return st;
}

static void print(uint32_t nr, uint32_t i, const char *how, int status)
{
    const struct result *o = &sh->r[i];
    uint32_t a[6];
    arguments(nr, i, a);
    printf("%u.%u (%x,%x,%x,%x,%x,%x) ", nr, i, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (how) {
        printf("%s %d %d\n", how, status, typed && !typed_exact(nr) && o->ret > 0 ? 0 : o->ret);
        return;
    }
    bool failed = o->ret < 0 && o->ret >= -4095, exact = typed && typed_exact(nr);
    const char *name = failed ? strerrorname_np(-o->ret) : o->ret ? "+" : "0";
    if (exact && o->ret >= 0 && o->ret < 1 << 20)
        printf("%d", o->ret);
    else
        printf("%s", name ? name : "E?");
    /* how much was written before the hole is nobody's business */
    bool cut = typed && o->ret == -EFAULT, at_hole = typed && o->hi > 2 * PAGE - 64;
    if (o->hi && !cut)
        printf(" [%u,%u)", o->lo, at_hole ? 2 * PAGE : o->hi);
    if (exact && !cut)
        printf(":%08x:%08x:%x", o->hi ? o->sum : 0, o->effects, o->signals);
    printf("\n");
}

static void probe_number(uint32_t nr, uint32_t from, uint32_t to, int ms)
{
    memset(sh, 0, sizeof *sh);
    while (from < to) {
        uint32_t end = typed && typed_alone(nr) ? from + 1 : to;
        if (end == from + 1 && left_out(nr, from)) {
            from++;
            continue;
        }
        fflush(stdout);
        pid_t pid = fork();
        if (!pid)
            probe(nr, from, end, ms);
        int st = wait_for(pid);
        for (uint32_t i = from; i < sh->at; i++)
            if (sh->r[i].done)
                print(nr, i, NULL, 0);
        from = sh->at + 1;
        if (!st && sh->at >= end)
            from = end;
        else if (WIFSIGNALED(st))
            print(nr, sh->at, "killed", WTERMSIG(st));
        else
            print(nr, sh->at, "exited", WEXITSTATUS(st));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strncmp(argv[1], "typed:", 6)) {
        typed = (uint32_t)atoi(argv[1] + 6);
        argc--, argv++;
    }
    uint32_t first = (uint32_t)atoi(argv[1]), last = (uint32_t)atoi(argv[2]);
    uint32_t from = 0, to = FIXED + (uint32_t)atoi(argv[3]);
    if (argc > 5) {
        from = (uint32_t)atoi(argv[5]);
        to = from + 1;
        typed = typed ? 1 : 0;
    }
    char scratch[] = "/tmp/probeXXXXXX";
    if (typed && (!mkdtemp(scratch) || chmod(scratch, 0777) || chdir(scratch)))
        return 1;
    mmap(sh, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    unshare(CLONE_NEWIPC);
    for (uint32_t nr = first; nr <= last; nr++) {
        bool skipped = false;
        for (unsigned i = 0; i < sizeof skip / sizeof *skip; i++)
            skipped |= skip[i].nr == nr;
        if (typed && argc <= 5)
            to = typed_count(nr, (uint32_t)atoi(argv[3]));
        if (typed ? typed_count(nr, 0) : !skipped)
            probe_number(nr, from, to, atoi(argv[4]));
    }
    if (typed)
        typed_empty("."), rmdir(scratch);
    return 0;
}
