/* SIGKILL ends one of two processes that share memory (clone with CLONE_VM, without CLONE_THREAD), in the
 * midst of whatever it does; the other goes on. Argument: how many rounds. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char stack_[2][65536] __attribute__((aligned(16)));
static volatile int errors;
static volatile unsigned *progress;
static volatile int ctid;

static void put(unsigned char *c, int v)
{
    c[0] = 0xb8;
    memcpy(c + 1, &v, 4);
    c[5] = 0xc3;
}
static int call(void *p) { return ((int (*)(void))p)(); }

static long sys(long nr, long a, long b, long c, long d)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
    return r;
}

static void on_usr1(int s) { (void)s; }

static int nothing(void *arg) { return 0; }

static void thread(void)
{
    volatile int tid = 1;
    unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (clone(nothing, p + 8192, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
              CLONE_CHILD_CLEARTID, NULL, NULL, NULL, &tid) < 0)
        errors++;
    while (tid)
        sys(SYS_futex, (long)&tid, 0 /* FUTEX_WAIT */, 1, 0);
    munmap(p, 8192);
}

static void process(void)
{
    int st;
    pid_t pid = sys(SYS_fork, 0, 0, 0, 0);
    if (!pid)
        sys(SYS_exit_group, 3, 0, 0, 0);
    if (sys(SYS_wait4, pid, (long)&st, 0, 0) != pid || st != 0x300)
        errors++;
}

/* Mappings, new code, changed code, signals, threads, forks: all that needs a lock somewhere. */
static void round_of(unsigned char *own, int i)
{
    put(own, i);
    if (call(own) != i)
        errors++;
    unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put(p + 4093, i * 3);
    if (call(p + 4093) != i * 3)
        errors++;
    mprotect(p, 4096, PROT_READ);
    munmap(p, 8192);
    sys(SYS_tkill, sys(SYS_gettid, 0, 0, 0, 0), SIGUSR1, 0, 0);
    if (i % 4 == 0)
        thread();
    if (i % 16 == 1)
        process();
}

static int busy(void *arg)
{
    unsigned char *own = arg;
    for (int i = 0;; i++) {
        progress[0]++;
        round_of(own, i);
    }
}

static unsigned seed = 1;
static unsigned rnd(void) { return (seed = seed * 1103515245 + 12345) >> 8; }
static void pause_us(unsigned us)
{
    struct timespec ts = {0, us * 1000};
    nanosleep(&ts, NULL);
}

/* The child is killed. */
static void child(int rounds, int flags)
{
    unsigned char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int bad = 0;
    for (int i = 0; i < rounds; i++) {
        int st;
        ctid = 0;
        pid_t pid = clone(busy, stack_[0] + sizeof stack_[0], flags | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
                          own + 4096, NULL, NULL, &ctid);
        if (pid <= 0) {
            printf("no such process\n");
            return;
        }
        while (!ctid)
            sched_yield();
        if (i & 1)
            pause_us(rnd() % 1000);
        else
            for (int j = rnd() % 30; j > 0; j--)
                round_of(own, j);
        kill(pid, SIGKILL);
        for (int tid; (tid = ctid);)
            sys(SYS_futex, (long)&ctid, 0 /* FUTEX_WAIT */, tid, 0);
        bad += waitpid(pid, &st, 0) != pid || st != SIGKILL;
        round_of(own, i);
    }
    munmap(own, 8192);
    printf("child killed: errors %d, statuses %s\n", errors, bad ? "wrong" : "right");
}

/* The one that made it is killed. */
static void creator(int rounds)
{
    int bad = 0, stopped = 0;
    for (int i = 0; i < rounds; i++) {
        int st, *pid = (int *)progress + 1;
        *pid = progress[0] = 0;
        pid_t maker = fork();
        if (!maker) {
            unsigned char *own = mmap(NULL, 8192, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            *pid = clone(busy, stack_[0] + sizeof stack_[0], CLONE_VM | CLONE_FILES | SIGCHLD, own + 4096);
            for (int j = 0;; j++)
                round_of(own, j);
        }
        while (!*pid || (*pid > 0 && !progress[0]))
            pause_us(100);
        pause_us(rnd() % 1000);
        kill(maker, SIGKILL);
        bad += waitpid(maker, &st, 0) != maker || st != SIGKILL;
        if (*pid <= 0) {
            printf("no such process\n");
            return;
        }
        unsigned was = progress[0];
        int n = 0;
        while (progress[0] < was + 5 && n++ < 300000)
            pause_us(100);
        stopped += n > 300000;
        kill(*pid, SIGKILL);
        bad += waitpid(*pid, &st, __WALL) != *pid || st != SIGKILL;
    }
    printf("creator killed: statuses %s, the other %s\n", bad ? "wrong" : "right", stopped ? "stopped" : "went on");
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 40;
    struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGUSR1, &sa, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child(rounds, CLONE_VM);
    child(rounds, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND);
    creator(rounds);
    return 0;
}
