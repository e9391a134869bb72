/* The upper halves of the ymm registers through signals at any moment, system calls, fork, threads and
 * calls of functions that clear them.
 * xrun options: --cpu=max */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 100000, LANES = 8 };
static volatile int ticks;

/* Keeps nothing: not even what the kernel restores. */
static void on_alarm(int sig)
{
    __asm__ volatile("vpcmpeqd %ymm0, %ymm0, %ymm0\n\tvpcmpeqd %ymm1, %ymm1, %ymm1\n\t"
                     "vpcmpeqd %ymm2, %ymm2, %ymm2\n\tvpcmpeqd %ymm7, %ymm7, %ymm7");
    if (ticks++ & 1)
        __asm__ volatile("vzeroall");
}

/* h = h * 31 + i in eight lanes; ymm3 to ymm7 must stay as they are. */
static uint32_t sum(unsigned rounds, int syscalls)
{
    static const uint32_t factor[LANES] = {31, 33, 37, 41, 43, 47, 53, 59};
    uint32_t h[LANES] = {1, 2, 3, 4, 5, 6, 7, 8}, i[LANES] = {0, 1, 2, 3, 4, 5, 6, 7}, one[LANES], r = 0;
    for (int k = 0; k < LANES; k++)
        one[k] = 1;
    for (unsigned n = 0; n < rounds;) {
        unsigned part = syscalls ? 100 : rounds;
        __asm__ volatile("vmovdqu %0, %%ymm0\n\tvmovdqu %1, %%ymm1\n\tvmovdqu %3, %%ymm7\n\t"
                         "vmovdqu %4, %%ymm6\n"
                         "1:\tvpmulld %%ymm7, %%ymm0, %%ymm0\n\tvpaddd %%ymm1, %%ymm0, %%ymm0\n\t"
                         "vpaddd %%ymm6, %%ymm1, %%ymm1\n\tdecl %2\n\tjnz 1b\n\t"
                         : "+m"(h), "+m"(i), "+r"(part) : "m"(factor), "m"(one) : "memory");
        n += syscalls ? 100 : rounds;
        if (syscalls) { /* the kernel keeps them */
            int nr = SYS_getppid;
            __asm__ volatile("int $0x80" : "+a"(nr));
        }
        __asm__ volatile("vmovdqu %%ymm0, %0\n\tvmovdqu %%ymm1, %1" : "=m"(h), "=m"(i));
    }
    for (int k = 0; k < LANES; k++)
        r = r * 7 + h[k];
    return r;
}

static uint32_t expected(unsigned rounds)
{
    static const uint32_t factor[LANES] = {31, 33, 37, 41, 43, 47, 53, 59};
    uint32_t r = 0;
    for (uint32_t k = 0; k < LANES; k++) {
        uint32_t h = k + 1;
        for (uint32_t n = 0; n < rounds; n++)
            h = h * factor[k] + k + n;
        r = r * 7 + h;
    }
    return r;
}

static void *thread(void *arg)
{
    *(int *)arg = sum(ROUNDS, 1) == expected(ROUNDS) && sum(ROUNDS, 0) == expected(ROUNDS);
    return NULL;
}

/* A child of fork begins with its parent's registers. */
static int forked(void)
{
    uint8_t in[32], out[32] = {0};
    int nr = SYS_fork, status;
    for (int i = 0; i < 32; i++)
        in[i] = 3 * i + 1;
    __asm__ volatile("vmovdqu %1, %%ymm5\n\tint $0x80\n\tvmovdqu %%ymm5, %2"
                     : "+a"(nr) : "m"(in), "m"(out) : "memory");
    int same = !memcmp(in, out, 32);
    if (!nr)
        _exit(same);
    waitpid(nr, &status, 0);
    return same && WEXITSTATUS(status) == 1;
}

int main(void)
{
    struct itimerval t = {{0, 700}, {0, 700}}, off = {{0, 0}, {0, 0}};
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    uint32_t want = expected(ROUNDS);
    sigaction(SIGALRM, &sa, NULL);
    printf("quiet %d %d\n", sum(ROUNDS, 0) == want, sum(ROUNDS, 1) == want);
    setitimer(ITIMER_REAL, &t, NULL);
    int ok = 1;
    for (int k = 0; k < 20 || ticks < 20; k++)
        ok &= sum(ROUNDS, k & 1) == want;
    setitimer(ITIMER_REAL, &off, NULL);
    printf("with signals %d\n", ok);
    printf("fork %d\n", forked());
    pthread_t id[4];
    int done[4];
    for (int k = 0; k < 4; k++)
        pthread_create(&id[k], NULL, thread, &done[k]);
    for (int k = 0; k < 4; k++)
        pthread_join(id[k], NULL);
    printf("threads %d %d %d %d\n", done[0], done[1], done[2], done[3]);
    return 0;
}
