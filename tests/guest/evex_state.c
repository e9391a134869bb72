/* The zmm and k registers through signals at any moment, system calls, fork, threads, and among instructions
 * that clear or keep the upper parts.
 * needs: avx512f avx512bw avx512dq avx512vl
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

enum { ROUNDS = 50000, LANES = 16, MASK = 0xb6d3 };
static volatile int ticks;

/* Keeps nothing: not even what the kernel restores. */
static void on_alarm(int sig)
{
    __asm__ volatile("vpternlogd $255, %zmm0, %zmm0, %zmm0\n\tvpternlogd $255, %zmm1, %zmm1, %zmm1\n\t"
                     "vpternlogd $255, %zmm7, %zmm7, %zmm7\n\tkxnorq %k1, %k1, %k1\n\tkxorq %k2, %k2, %k2");
    if (ticks++ & 1)
        __asm__ volatile("vzeroall\n\tkxorq %k1, %k1, %k1");
}

/* h = h * factor + i in those of sixteen lanes that the mask has, h = h + 1 in the others. */
static uint32_t sum(unsigned rounds, int syscalls)
{
    uint32_t h[LANES], i[LANES], factor[LANES], one[LANES], r = 0;
    uint64_t mask = UINT64_C(0x1234567890ab0000) | MASK, kept;
    int ok = 1;
    for (uint32_t k = 0; k < LANES; k++)
        h[k] = k + 1, i[k] = k, factor[k] = 31 + 2 * k, one[k] = 1;
    for (unsigned n = 0; n < rounds;) {
        unsigned part = syscalls ? 100 : rounds;
        n += part;
        __asm__ volatile("vmovdqu32 %0, %%zmm0\n\tvmovdqu32 %1, %%zmm1\n\tvmovdqu32 %3, %%zmm7\n\t"
                         "vmovdqu32 %4, %%zmm6\n\tkmovq %5, %%k1\n\tknotw %%k1, %%k2\n"
                         "1:\tvpmulld %%zmm7, %%zmm0, %%zmm0 %{%%k1%}\n\tvpaddd %%zmm1, %%zmm0, %%zmm0 %{%%k1%}\n\t"
                         "vpaddd %%zmm6, %%zmm0, %%zmm0 %{%%k2%}\n\tvpaddd %%zmm6, %%zmm1, %%zmm1\n\t"
                         "decl %2\n\tjnz 1b\n\t"
                         : "+m"(h), "+m"(i), "+r"(part) : "m"(factor), "m"(one), "m"(mask) : "memory");
        if (syscalls) { /* the kernel keeps them */
            int nr = SYS_getppid;
            __asm__ volatile("int $0x80" : "+a"(nr));
        }
        __asm__ volatile("vmovdqu32 %%zmm0, %0\n\tvmovdqu32 %%zmm1, %1\n\tkmovq %%k1, %2"
                         : "=m"(h), "=m"(i), "=m"(kept));
        ok &= kept == mask;
    }
    for (int k = 0; k < LANES; k++)
        r = r * 7 + h[k];
    return ok ? r : 0;
}

static uint32_t expected(unsigned rounds)
{
    uint32_t r = 0;
    for (uint32_t k = 0; k < LANES; k++) {
        uint32_t h = k + 1;
        for (uint32_t n = 0; n < rounds; n++)
            h = MASK >> k & 1 ? h * (31 + 2 * k) + k + n : h + 1;
        r = r * 7 + h;
    }
    return r;
}

static void *thread(void *arg)
{
    uint64_t k1;
    uint32_t want = expected(ROUNDS);
    __asm__ volatile("kmovq %%k1, %0" : "=m"(k1));
    *(int *)arg = sum(ROUNDS, 1) == want && sum(ROUNDS, 0) == want;
    return NULL;
}

/* A child of fork begins with its parent's registers. */
static int forked(void)
{
    uint8_t in[64], out[64] = {0};
    uint64_t k[2] = {UINT64_C(0xfedcba9876543210), 0};
    int nr = SYS_fork, status;
    for (int i = 0; i < 64; i++)
        in[i] = 3 * i + 1;
    __asm__ volatile("vmovdqu64 %2, %%zmm5\n\tkmovq %1, %%k6\n\tint $0x80\n\tvmovdqu64 %%zmm5, %3\n\t"
                     "kmovq %%k6, 8+%1"
                     : "+a"(nr), "+m"(k) : "m"(in), "m"(out) : "memory");
    int same = !memcmp(in, out, 64) && k[0] == k[1];
    if (!nr)
        _exit(same);
    waitpid(nr, &status, 0);
    return same && WEXITSTATUS(status) == 1;
}

/* What each kind of instruction leaves of bits 128-255 and 256-511. */
static void above(void)
{
#define CASE(text)                                                                                 \
    do {                                                                                           \
        uint32_t v[16];                                                                            \
        __asm__ volatile("vpternlogd $255, %%zmm3, %%zmm3, %%zmm3\n\t" text                        \
                         "\n\tvmovdqu32 %%zmm3, %0" : "=m"(v) :: "memory");                        \
        printf("%-40s %x %x %x %x\n", text, v[3], v[4], v[8], v[15]);                              \
    } while (0)
    for (int i = 0; i < 3; i++) { /* interpreted and translated */
        CASE("paddd %%xmm3, %%xmm3");
        CASE("vpaddd %%xmm3, %%xmm3, %%xmm3");
        CASE("vpaddd %%ymm3, %%ymm3, %%ymm3");
        CASE("vzeroupper");
        CASE("vzeroall");
        CASE("vpminsq %%xmm3, %%xmm3, %%xmm3");
        CASE("vpminsq %%ymm3, %%ymm3, %%ymm3");
        CASE("vmovss %%xmm3, %%xmm3, %%xmm3");
    }
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
    above();
    return 0;
}
