/* A signal ends loops whose instructions overwrite each other's flags, or go back by a call. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static sigjmp_buf back;

static void on_alarm(int sig)
{
    siglongjmp(back, sig);
}

static void by_jump(void)
{
    __asm__ volatile("1: sub $16, %esp; push %eax; add $20, %esp; jmp 1b");
}

static void by_call(void)
{
    __asm__ volatile("call 1f; 1: add $4, %esp; call 1b");
}

int main(void)
{
    static void (*const loops[])(void) = {by_jump, by_call};
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    signal(SIGALRM, on_alarm);
    for (volatile unsigned i = 0; i < 2; i++) {
        int sig = sigsetjmp(back, 1);
        if (sig) {
            printf("%u: left by signal %d\n", i, sig);
            continue;
        }
        setitimer(ITIMER_REAL, &soon, NULL);
        loops[i]();
    }
    return 0;
}
