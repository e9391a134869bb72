/* ptrace: children with another signal than SIGCHLD, and vfork that shares memory for real. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536];
static volatile int shared;
static int fn(void *arg)
{
    shared++;
    return 4;
}

static void clones(int flags)
{
    int s = 0, pid = clone(fn, stack + sizeof stack, flags, NULL);
    waitpid(pid, &s, __WALL);
    _exit((s == 0x400 ? 5 : 6) + 16 * shared);
}

static void follow(const char *what, int flags)
{
    int st, pid = fork();
    unsigned long child = 0;
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        clones(flags);
    }
    waitpid(pid, &st, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &st, 0);
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &child);
    printf("%s: %x child %d", what, st, child > 0);
    printf(" %d", waitpid(child, &st, __WALL) == child);
    printf(" %x\n", st);
    ptrace(PTRACE_CONT, child, 0, 0);
    waitpid(child, &st, __WALL);
    printf("child: %x\n", st);
    ptrace(PTRACE_CONT, pid, 0, 0);
    for (;;) {
        waitpid(pid, &st, 0);
        printf("parent: %x\n", st);
        if (!WIFSTOPPED(st))
            break;
        ptrace(PTRACE_CONT, pid, 0, 0);
    }
}

int main(void)
{
    setbuf(stdout, NULL);
    follow("SIGUSR1", SIGUSR1);
    follow("shared", CLONE_VM | SIGUSR2);
    follow("nothing", CLONE_VM);
    follow("vfork", CLONE_VM | CLONE_VFORK | SIGCHLD);
    follow("vfork, SIGUSR1", CLONE_VM | CLONE_VFORK | SIGUSR1);
    return 0;
}
