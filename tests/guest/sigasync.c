/* Signals from a timer at every point of a computation of many small blocks: nothing of the
 * program's state may change, and every edge must lead where it led before. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static volatile sig_atomic_t ticks;

static void on_tick(int sig)
{
    (void)sig;
    ticks++;
}

static __attribute__((noinline)) unsigned step(unsigned x, unsigned i)
{
    switch (i & 7) {
    case 0: return x * 5 + 1;
    case 1: return x ^ x >> 3;
    case 2: return x & 1 ? x * 3 + 1 : x / 2;
    case 3: return x - i;
    case 4: return x << 1 | x >> 31;
    case 5: return x > i ? x - i : i - x;
    case 6: return ~x;
    default: return x + (x & 0xff ? 7 : 9);
    }
}

static __attribute__((noinline)) unsigned round_(unsigned seed)
{
    unsigned x = seed;
    for (unsigned i = 0; i < 1000; i++)
        x = step(x, i);
    return x;
}

int main(void)
{
    struct itimerval it = {{0, 500}, {0, 500}};
    unsigned want = round_(12345), rounds = 0, wrong = 0;
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &it, NULL);
    while (ticks < 1000 && ++rounds)
        wrong += round_(12345) != want;
    printf("%08x, wrong %u\n", want, wrong);
    return 0;
}
