/* What is sent to the process may be taken by any thread, even if it came to one that blocked it just
 * then: by waiting, or from a descriptor. */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t sent, got, wrong;
static sigset_t alarms, none;
static sem_t ask, told;

static void count(const siginfo_t *i)
{
    got++;
    wrong += i->si_code != SI_KERNEL || i->si_pid || i->si_errno;
}

static void on_one(int sig, siginfo_t *i, void *context)
{
    count(i);
}

/* Blocks a signal about when it comes. */
static void *block_one(void *who)
{
    for (int n = 0; n < 1500 && got == sent; n++) {
        const struct itimerval once = {{0, 0}, {0, 50 + n % 50}};
        sigset_t waiting = none;
        sent++;
        setitimer(ITIMER_REAL, &once, NULL);
        for (int k = 0; k < 1000 && got != sent && !sigismember(&waiting, SIGALRM); k++) {
            pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
            pthread_sigmask(SIG_BLOCK, &alarms, NULL);
            sigpending(&waiting);
        }
        if (got == sent)
            continue;
        sem_post(&ask);
        sem_wait(&told);
    }
    sent = 0;
    sem_post(&ask);
    return NULL;
}

static int take(int fd, siginfo_t *i)
{
    const struct timespec limit = {5, 0};
    struct pollfd p = {fd, POLLIN};
    struct signalfd_siginfo s;
    if (got & 1)
        return sigtimedwait(&alarms, i, &limit) == SIGALRM;
    if (poll(&p, 1, 5000) != 1 || read(fd, &s, sizeof s) != sizeof s)
        return 0;
    i->si_code = s.ssi_code;
    i->si_pid = s.ssi_pid;
    i->si_errno = s.ssi_errno;
    return s.ssi_signo == SIGALRM;
}

int main(void)
{
    siginfo_t i;
    pthread_t t;
    struct sigaction sa = {.sa_sigaction = on_one, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &sa, NULL);
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    int fd = signalfd(-1, &alarms, 0);
    pthread_create(&t, NULL, block_one, NULL);
    for (; sem_wait(&ask) || sent; sem_post(&told)) {
        if (take(fd, &i))
            count(&i);
        else
            printf("what one thread has blocked is not there for another\n");
    }
    pthread_join(t, NULL);
    printf("%d of 1500 taken, %d of them wrong\n", got, wrong);
    return 0;
}
