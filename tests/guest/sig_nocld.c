/* SA_NOCLDSTOP and SA_NOCLDWAIT. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void on_chld(int sig) {}

int main(void)
{
    struct sigaction sa = {.sa_handler = on_chld, .sa_flags = SA_NOCLDSTOP};
    siginfo_t i;
    sigset_t s;
    setvbuf(stdout, NULL, _IONBF, 0);
    sigemptyset(&s);
    sigaddset(&s, SIGCHLD);
    sigprocmask(SIG_BLOCK, &s, NULL);
    sigaction(SIGCHLD, &sa, NULL);
    pid_t p = fork();
    if (!p) {
        setpgid(0, 0); /* the signal does not stop a process group without a parent */
        raise(SIGTSTP);
        _exit(8);
    }
    printf("stopped %d", waitid(P_PID, p, &i, WSTOPPED));
    printf(" by %d, SIGCHLD %d\n", i.si_status, sigtimedwait(&s, NULL, &(struct timespec){0, 50000000}));
    kill(p, SIGCONT);
    waitpid(p, NULL, 0);
    printf("exited, SIGCHLD %d\n", sigtimedwait(&s, NULL, &(struct timespec){0, 50000000}));
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    sa.sa_flags = SA_NOCLDWAIT;
    sa.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &sa, NULL);
    if (!fork())
        _exit(0);
    int r = (int)wait(NULL);
    printf("SA_NOCLDWAIT: wait %d %s\n", r, strerrorname_np(errno));
    return 0;
}
