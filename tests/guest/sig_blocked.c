/* A signal that is blocked waits, also if it came just before: while the system call that blocks it was
 * made, or while the frame of a handler that blocks it was built. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t wrong, calls;
static volatile char selector;

/* It is blocked in what it has interrupted? */
static void on_alarm(int sig, siginfo_t *i, void *context)
{
    const ucontext_t *uc = context;
    wrong += sigismember(&uc->uc_sigmask, SIGALRM);
}

static void on_call(int sig, siginfo_t *i, void *context)
{
    selector = 0; /* SYSCALL_DISPATCH_FILTER_ALLOW */
    calls++;
}

static void handle(int sig, void (*f)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = f, .sa_flags = SA_SIGINFO};
    sigfillset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

int main(void)
{
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    sigset_t alarms, none;
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    handle(SIGALRM, on_alarm);
    handle(SIGSYS, on_call);
    setitimer(ITIMER_REAL, &often, NULL);

    for (int n = 0; n < 30000; n++) {
        sigprocmask(SIG_BLOCK, &alarms, NULL);
        sigprocmask(SIG_SETMASK, &none, NULL);
    }
    printf("blocked by a call: %s\n", wrong ? "delivered" : "waits");

    wrong = 0;
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
    for (int n = 0; n < 30000; n++) {
        selector = 1;
        syscall(9999);
        selector = 0;
    }
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
    setitimer(ITIMER_REAL, &never, NULL);
    printf("blocked by a handler: %s; %d calls\n", wrong ? "delivered" : "waits", calls);
    return 0;
}
