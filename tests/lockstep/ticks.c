/* A signal every moment while one loop runs: none of them may be lost between a unit's runs. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static volatile sig_atomic_t ticks;
static void on_tick(int sig) { ticks += sig == SIGALRM; }

int main(void)
{
    struct itimerval often = {{0, 100}, {0, 100}};
    volatile double x = 1;
    unsigned long long sum = 0, n = 0;
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &often, NULL);
    while (ticks < 400) {
        sum += ++n;
        x = x * 0.5 + n;
    }
    printf("%d\n", sum == n * (n + 1) / 2 && x > n && x < 2 * n + 2);
    return 0;
}
