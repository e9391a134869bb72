/* A tracee made by vfork, as debuggers start their programs: it asks to be traced while its parent cannot
 * answer, and executes another program. */
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t told;

static void on_child(int sig)
{
    (void)sig;
    told = 1;
}

/* As gdb waits: without blocking, SIGCHLD wakes it. */
static int wait_told(pid_t child, int *status, const sigset_t *open)
{
    for (;;) {
        pid_t got = waitpid(child, status, __WALL | WNOHANG);
        if (got)
            return got == child;
        while (!told)
            sigsuspend(open);
        told = 0;
    }
}

static int wait_plainly(pid_t child, int *status, const sigset_t *open)
{
    (void)open;
    return waitpid(child, status, __WALL) == child;
}

static void start(const char *self, int (*wait_for)(pid_t, int *, const sigset_t *), const sigset_t *open)
{
    int status;
    pid_t child = vfork();
    if (!child) {
        long r = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execl(self, self, r ? "refused" : "executed", (char *)NULL);
        _exit(1);
    }
    while (wait_for(child, &status, open)) {
        printf("%x\n", status);
        fflush(stdout);
        if (!WIFSTOPPED(status))
            return;
        ptrace(PTRACE_CONT, child, NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    sigset_t blocked, before;
    if (argc > 1) {
        puts(argv[1]);
        return 7;
    }
    sigaction(SIGCHLD, &sa, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigdelset(&before, SIGCHLD);
    start(argv[0], wait_plainly, &before);
    told = 0;
    start(argv[0], wait_told, &before);
    return 0;
}
