/* seccomp: what a filter may be, what filters do to system calls, who inherits them.
 * needs: new-privileges */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "state.h"

#define S(code, k) BPF_STMT(code, k)
#define J(code, k, t, f) BPF_JUMP(code, k, t, f)
#define N(a) (sizeof(a) / sizeof *(a))
#define ALLOW S(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field) S(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static int set(struct sock_filter *f, unsigned n, unsigned flags)
{
    struct sock_fprog p = {n, f};
    int r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
    return r < 0 ? -errno : r;
}

static int raw(int nr, int a, int b, int c)
{
    int r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return r;
}

/* Everything is allowed but `nr`, which gives `verdict`. */
static int only(int nr, unsigned verdict)
{
    struct sock_filter f[] = {LOAD(nr), J(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), S(BPF_RET | BPF_K, verdict), ALLOW};
    return set(f, N(f), 0);
}

static void in_child(const char *what, void (*fn)(void))
{
    int st;
    fflush(stdout);
    if (!fork()) {
        fn();
        fflush(stdout);
        _exit(7);
    }
    wait(&st);
    printf("%s: status %x\n", what, st & ~0x80);
}

/* ---- what is accepted ---- */

static void show_set(const char *what, struct sock_filter *f, unsigned n)
{
    int st, r;
    fflush(stdout);
    if (!fork()) {
        r = set(f, n, 0);
        printf("%s: %d\n", what, r);
        fflush(stdout);
        _exit(0);
    }
    wait(&st);
}

static void programs(void)
{
    static const unsigned short codes[] = {
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0e, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24, 0x25,
        0x28, 0x2c, 0x2d, 0x30, 0x34, 0x35, 0x3c, 0x3d, 0x40, 0x44, 0x45, 0x48, 0x4c, 0x4d, 0x50, 0x54, 0x5c, 0x60,
        0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0x8c, 0x94, 0x9c, 0xa0, 0xa1, 0xa4, 0xb1, 0xc4, 0xff, 0x100, 0x120};
    struct sock_filter two[] = {S(0, 0), ALLOW}, none[] = {ALLOW};
    for (unsigned i = 0; i < N(codes); i++) {
        char name[32];
        two[0].code = codes[i];
        two[0].k = 4;
        sprintf(name, "code %02x", codes[i]);
        if (codes[i] == 0x05)
            two[0].k = 0;
        show_set(name, two, 2);
    }
    struct sock_filter unaligned[] = {S(BPF_LD | BPF_W | BPF_ABS, 2), ALLOW};
    struct sock_filter beyond[] = {S(BPF_LD | BPF_W | BPF_ABS, 64), ALLOW};
    struct sock_filter last[] = {S(BPF_LD | BPF_W | BPF_ABS, 60), ALLOW};
    struct sock_filter no_ret[] = {ALLOW, S(BPF_LD | BPF_IMM, 0)};
    struct sock_filter far[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ALLOW};
    struct sock_filter far2[] = {S(BPF_JMP | BPF_JA, 1), ALLOW};
    struct sock_filter back[] = {S(BPF_JMP | BPF_JA, -1), ALLOW};
    struct sock_filter div0[] = {S(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW};
    struct sock_filter shift[] = {S(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW};
    struct sock_filter mem[] = {S(BPF_ST, 16), ALLOW};
    struct sock_filter unset[] = {S(BPF_LD | BPF_MEM, 3), ALLOW};
    struct sock_filter isset[] = {S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), ALLOW};
    struct sock_filter half[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), ALLOW};
    struct sock_filter both[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), S(BPF_ST, 3), S(BPF_JMP | BPF_JA, 1),
                                 S(BPF_STX, 3), S(BPF_LD | BPF_MEM, 3), ALLOW};
    show_set("unaligned", unaligned, 2);
    show_set("beyond", beyond, 2);
    show_set("last", last, 2);
    show_set("no return", no_ret, 2);
    show_set("far", far, 2);
    show_set("far ja", far2, 2);
    show_set("back", back, 2);
    show_set("div 0", div0, 2);
    show_set("shift 32", shift, 2);
    show_set("mem 16", mem, 2);
    show_set("unset", unset, 2);
    show_set("set", isset, 3);
    show_set("half set", half, 4);
    show_set("both set", both, 6);
    show_set("empty", none, 0);
    show_set("unreadable", (void *)16, 1);
    static struct sock_filter big[5000];
    for (unsigned i = 0; i < N(big); i++)
        big[i] = (struct sock_filter)ALLOW;
    show_set("4096", big, 4096);
    show_set("4097", big, 4097);
}

/* How many can be attached depends on what the kernel makes of each instruction. */
static void limit_of(struct sock_filter *body, const char *name)
{
    static struct sock_filter big[4096];
    int st;
    fflush(stdout);
    if (!fork()) {
        int n = 0, r;
        for (unsigned i = 0; i < 1500; i++)
            big[i] = *body;
        big[1500] = big[1501] = (struct sock_filter)ALLOW;
        while (n < 100 && !(r = set(big, 1502, 0)))
            n++;
        big[0] = (struct sock_filter)ALLOW;
        int one = 0;
        while (one < 4000 && !set(big, 1, 0))
            one++;
        printf("%s: %d filters, then %d, then %d more\n", name, n, r, one);
        fflush(stdout);
        _exit(0);
    }
    wait(&st);
}

static void limits(void)
{
    struct sock_filter ld[] = {LOAD(nr)}, ret[] = {ALLOW}, reta[] = {S(BPF_JMP | BPF_JA, 1500), S(BPF_RET | BPF_A, 0)};
    struct sock_filter divx[] = {S(BPF_ALU | BPF_DIV | BPF_X, 0)}, divk[] = {S(BPF_ALU | BPF_DIV | BPF_K, 3)};
    struct sock_filter jt[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 5, 1, 0)}, jf[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1)};
    struct sock_filter jtf[] = {J(BPF_JMP | BPF_JEQ | BPF_K, 5, 1, 1)}, j0[] = {J(BPF_JMP | BPF_JGT | BPF_K, 5, 0, 0)};
    struct sock_filter jneg[] = {J(BPF_JMP | BPF_JGE | BPF_K, -5, 0, 1)}, jset[] = {J(BPF_JMP | BPF_JSET | BPF_K, 5, 0, 1)};
    struct sock_filter jx[] = {J(BPF_JMP | BPF_JGE | BPF_X, -1, 1, 0)}, ja[] = {S(BPF_JMP | BPF_JA, 0)};
    struct sock_filter st[] = {S(BPF_ST, 0)}, neg[] = {S(BPF_ALU | BPF_NEG, 0)}, len[] = {S(BPF_LDX | BPF_W | BPF_LEN, 0)};
    limit_of(ld, "ld");
    limit_of(ret, "ret");
    limit_of(reta, "ret a");
    limit_of(divx, "div x");
    limit_of(divk, "div k");
    limit_of(jt, "jt");
    limit_of(jf, "jf");
    limit_of(jtf, "jt jf");
    limit_of(j0, "j0");
    limit_of(jneg, "j negative");
    limit_of(jset, "jset");
    limit_of(jx, "jx");
    limit_of(ja, "ja");
    limit_of(st, "st");
    limit_of(neg, "neg");
    limit_of(len, "len");
}

/* ---- what they compute: the result comes back as an errno ---- */

static void computes(const char *what, struct sock_filter *f, unsigned n)
{
    static int nr = 6000; /* each has a number of its own */
    struct sock_filter g[64] = {LOAD(nr), J(BPF_JMP | BPF_JEQ | BPF_K, ++nr, 1, 0), ALLOW};
    memcpy(g + 3, f, n * sizeof *f);
    g[3 + n] = (struct sock_filter)S(BPF_ALU | BPF_AND | BPF_K, 0x7ff);
    g[4 + n] = (struct sock_filter)S(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
    g[5 + n] = (struct sock_filter)S(BPF_RET | BPF_A, 0);
    int r = set(g, n + 6, 0);
    printf("%s: %d %d\n", what, r, raw(nr, 0x1234, 0x87654321, 3));
}

static void arithmetic(void)
{
    static const struct { const char *name; unsigned op; } ops[] = {
        {"add", BPF_ADD}, {"sub", BPF_SUB}, {"mul", BPF_MUL}, {"div", BPF_DIV}, {"and", BPF_AND}, {"or", BPF_OR},
        {"xor", BPF_XOR}, {"lsh", BPF_LSH}, {"rsh", BPF_RSH}};
    static const unsigned shifts[] = {0, 11, 22};
    for (unsigned i = 0; i < N(ops); i++)
        for (unsigned x = 0; x < 2; x++)
            for (unsigned s = 0; s < 3; s++) {
                struct sock_filter f[] = {S(BPF_LDX | BPF_IMM, 37), LOAD(args[1]), S(BPF_ALU | ops[i].op | (x ? BPF_X : BPF_K), 5),
                                          S(BPF_ALU | BPF_RSH | BPF_K, shifts[s])};
                char name[32];
                sprintf(name, "%s %s >> %u", ops[i].name, x ? "x" : "k", shifts[s]);
                computes(name, f, N(f));
            }
    static const struct { const char *name; unsigned op; } jumps[] = {
        {"jeq", BPF_JEQ}, {"jgt", BPF_JGT}, {"jge", BPF_JGE}, {"jset", BPF_JSET}};
    static const unsigned values[] = {0, 1, 0x1234, 0x1233, 0x1235, 0xffffffff, 0x80000000};
    for (unsigned i = 0; i < N(jumps); i++)
        for (unsigned v = 0; v < N(values); v++) {
            struct sock_filter f[] = {S(BPF_LDX | BPF_IMM, values[v]), LOAD(args[0]),
                                      J(BPF_JMP | jumps[i].op | BPF_K, values[v], 0, 2), S(BPF_LD | BPF_IMM, 1), S(BPF_JMP | BPF_JA, 1),
                                      S(BPF_LD | BPF_IMM, 2), S(BPF_ST, 0), LOAD(args[0]),
                                      J(BPF_JMP | jumps[i].op | BPF_X, 0, 1, 0), S(BPF_LD | BPF_IMM, 0), S(BPF_ALU | BPF_ADD | BPF_K, 16),
                                      S(BPF_MISC | BPF_TAX, 0), S(BPF_LD | BPF_MEM, 0), S(BPF_ALU | BPF_ADD | BPF_X, 0)};
            char name[32];
            sprintf(name, "%s %x", jumps[i].name, values[v]);
            computes(name, f, N(f));
        }
    struct sock_filter neg[] = {S(BPF_LD | BPF_IMM, 5), S(BPF_ALU | BPF_NEG, 0)};
    struct sock_filter misc[] = {S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0), S(BPF_STX, 15),
                                 S(BPF_LDX | BPF_MEM, 15), S(BPF_ALU | BPF_ADD | BPF_X, 0)};
    struct sock_filter len[] = {S(BPF_LD | BPF_W | BPF_LEN, 0)};
    struct sock_filter arch[] = {LOAD(arch), S(BPF_ALU | BPF_XOR | BPF_K, AUDIT_ARCH_I386)};
    struct sock_filter high[] = {S(BPF_LD | BPF_W | BPF_ABS, 12), S(BPF_MISC | BPF_TAX, 0), S(BPF_LD | BPF_W | BPF_ABS, 28),
                                 S(BPF_ALU | BPF_OR | BPF_X, 0)};
    computes("neg", neg, N(neg));
    computes("misc", misc, N(misc));
    computes("len", len, N(len));
    computes("arch", arch, N(arch));
    computes("upper halves", high, N(high));
}

static void ip(void)
{
    extern char here[];
    struct sock_filter f[] = {S(BPF_LD | BPF_W | BPF_ABS, 8), J(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)here, 0, 1),
                              S(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 99), ALLOW};
    int r, s = set(f, N(f), 0);
    __asm__ volatile("int $0x80\n.globl here\nhere:" : "=a"(r) : "a"(SYS_getppid));
    printf("ip: %d %d\n", s, r);
}

static void div_by_zero(void)
{
    struct sock_filter f[] = {LOAD(nr), J(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), ALLOW, S(BPF_LDX | BPF_IMM, 0),
                              S(BPF_ALU | BPF_DIV | BPF_X, 0), ALLOW};
    printf("set %d\n", set(f, N(f), 0));
    fflush(stdout);
    raw(SYS_getppid, 0, 0, 0);
}

/* ---- what they do ---- */

static void errors(void)
{
    printf("%d %d %d %d\n", only(SYS_getppid, SECCOMP_RET_ERRNO | 5), only(SYS_getpid, SECCOMP_RET_ERRNO | 0xffff),
           only(SYS_getuid32, SECCOMP_RET_ERRNO), only(SYS_getgid32, SECCOMP_RET_LOG));
    printf("%d %d %d %d\n", raw(SYS_getppid, 0, 0, 0), raw(SYS_getpid, 0, 0, 0), raw(SYS_getuid32, 0, 0, 0),
           raw(SYS_getgid32, 0, 0, 0) >= 0);
    printf("unknown number: %d", only(5000, SECCOMP_RET_ERRNO | 77));
    printf(" %d %d\n", raw(5000, 0, 0, 0), raw(5001, 0, 0, 0));
    printf("trace: %d", only(SYS_getppid, SECCOMP_RET_TRACE));
    printf(" %d", raw(SYS_getppid, 0, 0, 0));
    only(SYS_getgid32, SECCOMP_RET_TRACE);
    only(SYS_getegid32, SECCOMP_RET_USER_NOTIF);
    printf(" %d %d\n", raw(SYS_getgid32, 0, 0, 0), raw(SYS_getegid32, 0, 0, 0));
    printf("the newest of equals: %d", only(SYS_getppid, SECCOMP_RET_ERRNO | 6));
    printf(" %d\n", raw(SYS_getppid, 0, 0, 0));
    printf("a number that changes it: %d\n", raw(SYS_prctl, PR_GET_SECCOMP, 0, 0));
}

static volatile int hits;
static void on_sys(int sig, siginfo_t *i, void *ctx)
{
    ucontext_t *u = ctx;
    greg_t *r = u->uc_mcontext.gregs;
    hits++;
    printf("SIGSYS code %d errno %d nr %d arch %x at %d: eax %d ebx %d ecx %d\n", i->si_code, i->si_errno, i->si_syscall,
           i->si_arch, (int)i->si_call_addr == r[REG_EIP], (int)r[REG_EAX], (int)r[REG_EBX], (int)r[REG_ECX]);
    r[REG_EAX] = 4321;
}

static void traps(void)
{
    struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &sa, NULL);
    only(SYS_getppid, SECCOMP_RET_TRAP | 0xabcd);
    only(5001, SECCOMP_RET_TRAP);
    only(-1, SECCOMP_RET_TRAP | 1);
    printf("%d %d\n", raw(SYS_getppid, 11, 22, 33), hits);
    printf("%d %d\n", raw(5001, 11, 22, 33), hits);
    printf("%d %d\n", raw(-1, 11, 22, 33), hits);
    printf("%ld %d\n", syscall(SYS_getppid), hits);
}
static void trap_default(void) { only(SYS_getppid, SECCOMP_RET_TRAP); raw(SYS_getppid, 0, 0, 0); }
static void trap_ignored(void) { signal(SIGSYS, SIG_IGN); trap_default(); }
static void trap_blocked(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGSYS);
    sigprocmask(SIG_BLOCK, &s, NULL);
    traps();
}
static void kills_thread(void) { only(SYS_getppid, SECCOMP_RET_KILL_THREAD); raw(SYS_getppid, 0, 0, 0); }
static void kills_process(void) { only(SYS_getppid, SECCOMP_RET_KILL_PROCESS); raw(SYS_getppid, 0, 0, 0); }
static void kills_handled(void) { signal(SIGSYS, exit); kills_process(); }
static void unknown_action(void) { only(SYS_getppid, 0x12340000); raw(SYS_getppid, 0, 0, 0); }
static void precedence(void)
{
    only(SYS_getppid, SECCOMP_RET_KILL_THREAD);
    only(SYS_getppid, SECCOMP_RET_ERRNO | 3);
    raw(SYS_getppid, 0, 0, 0);
}

/* ---- threads ---- */

static void *one_dies(void *arg)
{
    only(SYS_getppid, SECCOMP_RET_KILL_THREAD);
    raw(SYS_getppid, 0, 0, 0);
    return (void *)1;
}
static void thread_dies(void)
{
    pthread_t t;
    pthread_create(&t, NULL, one_dies, NULL);
    pthread_join(t, NULL); /* the kernel clears the thread's id */
    printf("lives on, %d\n", raw(SYS_getppid, 0, 0, 0) > 0);
}

static void *strict_thread(void *arg)
{
    raw(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0);
    raw(SYS_getppid, 0, 0, 0);
    return (void *)1;
}
static void thread_strict(void)
{
    pthread_t t;
    pthread_create(&t, NULL, strict_thread, NULL);
    pthread_join(t, NULL);
    printf("lives on, mode %d\n", prctl(PR_GET_SECCOMP));
}

static void *outlives(void *arg)
{
    wait_state(getpid(), getpid(), "Z");
    printf("alone\n");
    fflush(stdout);
    raw(SYS_exit, 3, 0, 0);
    return NULL;
}
static void first_dies(void)
{
    pthread_t t;
    pthread_create(&t, NULL, outlives, NULL);
    kills_thread();
}
static void first_dies_strict(void)
{
    pthread_t t;
    pthread_create(&t, NULL, outlives, NULL);
    strict_thread(NULL);
}

static pthread_barrier_t bar;
static volatile int seen[3];
static void *synced(void *arg)
{
    pthread_barrier_wait(&bar);
    pthread_barrier_wait(&bar);
    seen[0] = raw(SYS_getppid, 0, 0, 0);
    seen[1] = prctl(PR_GET_SECCOMP);
    seen[2] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    if (arg)
        only(SYS_getuid32, SECCOMP_RET_ERRNO | 4);
    pthread_barrier_wait(&bar);
    pthread_barrier_wait(&bar);
    return NULL;
}
static void sync_threads(void)
{
    struct sock_filter f[] = {LOAD(nr), J(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), S(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 9), ALLOW};
    pthread_t t;
    pthread_barrier_init(&bar, NULL, 2);
    pthread_create(&t, NULL, synced, (void *)1);
    pthread_barrier_wait(&bar);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf("tsync %d", set(f, N(f), SECCOMP_FILTER_FLAG_TSYNC));
    printf(", here %d\n", raw(SYS_getppid, 0, 0, 0));
    pthread_barrier_wait(&bar);
    pthread_barrier_wait(&bar);
    printf("there %d %d %d\n", seen[0], seen[1], seen[2]);
    printf("again: the other's id %d\n", set(f, N(f), SECCOMP_FILTER_FLAG_TSYNC) > 1);
    printf("again: %d\n", set(f, N(f), SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
    printf("without: %d\n", set(f, N(f), 0));
    pthread_barrier_wait(&bar);
    pthread_join(t, NULL);
    printf("alone: %d\n", set(f, N(f), SECCOMP_FILTER_FLAG_TSYNC));
}

/* ---- strict mode ---- */

static void strict(void)
{
    printf("%d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    fflush(stdout);
    raw(SYS_write, 1, (int)"written\n", 8);
    raw(SYS_exit, 5, 0, 0);
}
static void strict_killed(void) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); raw(SYS_getpid, 0, 0, 0); }
static void strict_exit_group(void) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); raw(SYS_exit_group, 0, 0, 0); }

/* ---- inheritance ---- */

static void *child_thread(void *arg)
{
    printf("in a thread: %d\n", raw(SYS_getppid, 0, 0, 0));
    return NULL;
}
static void inherited(void)
{
    pthread_t t;
    int st;
    only(SYS_getppid, SECCOMP_RET_ERRNO | 55);
    only(SYS_getuid32, SECCOMP_RET_ERRNO | 56);
    pthread_create(&t, NULL, child_thread, NULL);
    pthread_join(t, NULL);
    fflush(stdout);
    if (!fork()) {
        printf("in a child: %d\n", raw(SYS_getppid, 0, 0, 0));
        fflush(stdout);
        execl("/proc/self/exe", "seccomp", "child", NULL);
        _exit(9);
    }
    wait(&st);
}

static void show_status(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "Seccomp", 7) || !strncmp(line, "NoNewPrivs", 10))
            fputs(line, stdout);
    if (f)
        fclose(f);
}

static int call(unsigned op, unsigned flags, void *p)
{
    int r = syscall(SYS_seccomp, op, flags, p);
    return r < 0 ? -errno : r;
}

static void arguments(void)
{
    static const unsigned actions[] = {0x80000000, 0, 0x30000, 0x50000, 0x7ff00000, 0x7ffc0000, 0x7fff0000, 0x30001, 0x12340000};
    struct sock_filter f[] = {ALLOW};
    struct sock_fprog p = {1, f};
    for (unsigned i = 0; i < N(actions); i++)
        printf("action %x: %d\n", actions[i], call(SECCOMP_GET_ACTION_AVAIL, 0, (void *)&actions[i]));
    printf("%d %d %d\n", call(SECCOMP_GET_ACTION_AVAIL, 1, (void *)actions), call(SECCOMP_GET_ACTION_AVAIL, 0, NULL), call(77, 0, NULL));
    unsigned short sizes[4] = {0, 0, 0, 9};
    printf("sizes %d", call(SECCOMP_GET_NOTIF_SIZES, 0, sizes));
    printf(": %d %d %d %d\n", sizes[0], sizes[1], sizes[2], sizes[3]);
    printf("%d %d\n", call(SECCOMP_GET_NOTIF_SIZES, 1, sizes), call(SECCOMP_GET_NOTIF_SIZES, 0, NULL));
    printf("strict %d %d\n", call(SECCOMP_SET_MODE_STRICT, 1, NULL), call(SECCOMP_SET_MODE_STRICT, 0, sizes));
    printf("filter %d %d\n", call(SECCOMP_SET_MODE_FILTER, 64, &p), call(SECCOMP_SET_MODE_FILTER, 0, NULL));
    printf("prctl %d", prctl(PR_SET_SECCOMP, 0) ? errno : 0);
    printf(" %d", prctl(PR_SET_SECCOMP, 3) ? errno : 0);
    printf(" %d\n", prctl(PR_SET_SECCOMP, 2, NULL) ? errno : 0);
    printf("mode %d", prctl(PR_GET_SECCOMP));
    printf(", set %d", prctl(PR_SET_SECCOMP, 2, &p));
    printf(", mode %d\n", prctl(PR_GET_SECCOMP));
    printf("strict afterwards %d\n", call(SECCOMP_SET_MODE_STRICT, 0, NULL));
    call(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &p);
    show_status();
}

/* A user who has not given up privileges may not. */
static void unprivileged(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {};
    syscall(SYS_capset, &header, none); /* not setresuid: a user namespace has perhaps one user */
    struct sock_filter bad[] = {S(0xff, 0)};
    printf("%d %d", set(bad, 1, 0), set(bad, 0, 0));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf(" %d", set(bad, 1, 0));
    printf(" %d\n", only(SYS_getppid, SECCOMP_RET_ERRNO | 2));
    printf("%d\n", raw(SYS_getppid, 0, 0, 0));
}

int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    if (argc > 1) {
        printf("after execve: %d %d\n", raw(SYS_getppid, 0, 0, 0), raw(SYS_getuid32, 0, 0, 0));
        show_status();
        return 0;
    }
    setrlimit(RLIMIT_CORE, &none);
    in_child("unprivileged", unprivileged);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    in_child("arguments", arguments);
    programs();
    limits();
    in_child("arithmetic", arithmetic);
    in_child("ip", ip);
    in_child("division by zero", div_by_zero);
    in_child("errors", errors);
    in_child("traps", traps);
    in_child("trap, default", trap_default);
    in_child("trap, ignored", trap_ignored);
    in_child("trap, blocked", trap_blocked);
    in_child("kill thread", kills_thread);
    in_child("kill process", kills_process);
    in_child("kill process with a handler", kills_handled);
    in_child("unknown action", unknown_action);
    in_child("precedence", precedence);
    in_child("a thread dies", thread_dies);
    in_child("a strict thread", thread_strict);
    in_child("the first thread dies", first_dies);
    in_child("the first thread, strict", first_dies_strict);
    in_child("sync", sync_threads);
    in_child("strict", strict);
    in_child("strict, killed", strict_killed);
    in_child("strict, exit_group", strict_exit_group);
    in_child("inherited", inherited);
    return 0;
}
