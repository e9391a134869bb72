/* A process sends itself signals that look like faults, and one with a code of its own. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void handler(int sig, siginfo_t *i, void *u)
{
    printf(" [%d code %d addr %p]", sig, i->si_code, i->si_addr);
}

int main(void)
{
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGUSR1};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    siginfo_t i;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int k = 0; k < 6; k++) {
        sigaction(sigs[k], &sa, NULL);
        memset(&i, 0, sizeof i);
        i.si_signo = sigs[k];
        i.si_code = 2;
        i.si_addr = (void *)0x12345678;
        int r = syscall(SYS_rt_sigqueueinfo, getpid(), sigs[k], &i);
        printf(" %d\n", r);
        r = syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), sigs[k], &i);
        printf(" %d\n", r);
    }
    i.si_code = -0x3fff;
    printf(" %d\n", (int)syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &i));
    return 0;
}
