/* A signal that is blocked waits, also if it came just before: while the system call that blocks it was
 * made, or while the frame of a handler that blocks it was built. */
#include <pthread.h>
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

static sigset_t alarms, none;

static void *block(void *who)
{
    wrong = 0;
    for (int n = 0; n < 30000; n++) {
        pthread_sigmask(SIG_BLOCK, &alarms, NULL);
        pthread_sigmask(SIG_SETMASK, &none, NULL);
    }
    printf("%s, blocked by a call: %s\n", (char *)who, wrong ? "delivered" : "waits");
    return NULL;
}

static void *dispatch(void *who)
{
    wrong = calls = 0;
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
    for (int n = 0; n < 30000; n++) {
        selector = 1;
        syscall(9999);
        selector = 0;
    }
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
    printf("%s, blocked by a handler: %s; %d calls\n", (char *)who, wrong ? "delivered" : "waits", calls);
    return NULL;
}

static void in_thread(void *(*f)(void *))
{
    pthread_t t;
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    pthread_create(&t, NULL, f, "thread");
    pthread_join(t, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(void)
{
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    handle(SIGALRM, on_alarm);
    handle(SIGSYS, on_call);
    setitimer(ITIMER_REAL, &often, NULL);
    block("first");
    dispatch("first");
    in_thread(block);
    in_thread(dispatch);
    setitimer(ITIMER_REAL, &never, NULL);
    return 0;
}
