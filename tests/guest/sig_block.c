/* Calls with a time limit that are interrupted without a handler go on with what is left of it, by
 * restart_syscall; what their tracer sees of that. */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "state.h"

static int fd[2];
static int word;
enum { MS = 1000000, ROUNDS = 2, STEP_MS = 40, LIMIT_MS = 4000 };

static void on_alarm(int sig) { (void)sig; }

static long sleep_long(void)
{
    struct timespec ts = {LIMIT_MS / 1000, 0};
    return syscall(SYS_nanosleep, &ts, &ts);
}
static long sleep_clock(void)
{
    struct timespec ts = {LIMIT_MS / 1000, 0};
    return syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &ts, NULL) ? -1 : 0;
}
static long sleep_until(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += LIMIT_MS / 1000;
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ? -1 : 0;
}
static long poll_long(void)
{
    struct pollfd p = {fd[0], POLLIN};
    return syscall(SYS_poll, &p, 1, LIMIT_MS);
}
static long futex_long(void)
{
    struct timespec ts = {LIMIT_MS / 1000, 0};
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts);
}
static long futex_until(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += LIMIT_MS / 1000;
    return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &ts, NULL, -1);
}
static long select_long(void)
{
    struct timeval tv = {LIMIT_MS / 1000, 0};
    return syscall(SYS__newselect, 0, NULL, NULL, NULL, &tv);
}

static const struct test { const char *name; long (*call)(void); int nr, signal; } tests[] = {
    {"nanosleep", sleep_long, SYS_nanosleep}, {"clock_nanosleep", sleep_clock, SYS_clock_nanosleep},
    {"clock_nanosleep, absolute", sleep_until, SYS_clock_nanosleep}, {"poll", poll_long, SYS_poll},
    {"futex", futex_long, SYS_futex}, {"futex, absolute", futex_until, SYS_futex},
    {"select", select_long, SYS__newselect}, {"nanosleep, handler", sleep_long, SYS_nanosleep, SIGALRM},
};

static long ms_since(const struct timespec *a)
{
    struct timespec b;
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (b.tv_sec - a->tv_sec) * 1000 + (b.tv_nsec - a->tv_nsec) / MS;
}

static void child(long (*call)(void))
{
    struct timespec start;
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    clock_gettime(CLOCK_MONOTONIC, &start);
    errno = 0;
    long r = call();
    bool cut = r == -1 && errno == EINTR;
    printf(" %ld %s", r, strerrorname_np(errno));
    printf("%s\n", !cut && ms_since(&start) < LIMIT_MS - 10 ? ", too early" : "");
    fflush(stdout);
    _exit(0);
}

static void registers(pid_t pid, int status, struct user_regs_struct *r)
{
    ptrace(PTRACE_GETREGS, pid, 0, r);
    printf(" [%d eax %ld of %ld]", WIFSTOPPED(status) ? WSTOPSIG(status) : -1, r->eax, r->orig_eax);
    fflush(stdout);
}

/* Signals are discarded, but for the last one of a test with a handler: the registers at the stop that one
 * makes, then at the next call's entry. */
static void trace(const struct test *t)
{
    int status;
    struct user_regs_struct r = {0};
    long before = 0, left = 0;
    printf("%s:", t->name);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        child(t->call);
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    while (r.orig_eax != t->nr) {
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        waitpid(pid, &status, 0);
        ptrace(PTRACE_GETREGS, pid, 0, &r);
    }
    for (int i = 0; i < ROUNDS; i++) {
        ptrace(PTRACE_CONT, pid, 0, 0);
        usleep(STEP_MS * 1000);
        wait_state(pid, pid, "SZ");
        kill(pid, SIGUSR1);
        waitpid(pid, &status, 0);
        registers(pid, status, &r);
        if (t->nr == SYS_nanosleep) {
            left = ptrace(PTRACE_PEEKDATA, pid, r.ecx + 4, 0) / MS;
            printf(left < (i ? before : LIMIT_MS) - STEP_MS / 2 ? " less is left" : " left: %ld of %ld", left, before);
            before = left;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, i == ROUNDS - 1 ? t->signal : 0);
        waitpid(pid, &status, 0);
        registers(pid, status, &r);
    }
    fflush(stdout);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (status)
        printf(" status %#x\n", status);
}

int main(void)
{
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    pipe(fd);
    sigaction(SIGALRM, &sa, NULL);
    errno = 0;
    printf("restart_syscall: %ld", syscall(SYS_restart_syscall));
    printf(" %s\n", strerrorname_np(errno));
    fflush(stdout);
    enum { COUNT = sizeof tests / sizeof *tests };
    int out[COUNT][2];
    for (int i = 0; i < COUNT; i++) { /* all at once: they only sleep */
        pipe(out[i]);
        if (!fork()) {
            dup2(out[i][1], 1);
            trace(&tests[i]);
            fflush(stdout);
            _exit(0);
        }
        close(out[i][1]);
    }
    for (int i = 0; i < COUNT; i++) {
        char text[512];
        ssize_t n;
        while ((n = read(out[i][0], text, sizeof text)) > 0)
            write(1, text, n);
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}
