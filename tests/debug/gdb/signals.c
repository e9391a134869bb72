/* Signals that are shown, passed, changed; a handler; a crash that is mended. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile int seen[65];
int *pointer;

void handler(int sig)
{
    seen[sig]++;
}

void show(void)
{
    printf("usr1 %d usr2 %d alrm %d rt %d\n", seen[SIGUSR1], seen[SIGUSR2], seen[SIGALRM], seen[40]);
    fflush(stdout);
}

int main(void)
{
    int value = 5;
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    signal(SIGALRM, handler);
    signal(40, handler);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGALRM);
    raise(40);
    show();
    *pointer = value;
    printf("mended %d\n", value);
    fflush(stdout);
    __asm__ volatile("int3");
    raise(SIGSTOP);
    show();
    raise(SIGUSR1);
    *(volatile int *)16 = 3;
    return 0;
}
