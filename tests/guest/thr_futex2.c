/* futex_waitv, futex_wait, futex_wake, futex_requeue: results and errors. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile uint32_t va, vb;
static void *wake_b(void *arg)
{
    while (syscall(SYS_futex, &vb, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) != 1)
        usleep(1000);
    vb = 1;
    return NULL;
}

static void waitv(void)
{
    struct { uint64_t val, addr; uint32_t flags, reserved; } w[2] = {{0, (uintptr_t)&va, 2 | 128, 0}, {0, (uintptr_t)&vb, 2 | 128, 0}};
    pthread_t t;
    long long to[2] = {0, 0};
#define WV(n, fl, tp, clk) (syscall(449, w, n, fl, tp, clk) < 0 ? -errno : 0)
    printf("waitv: none %d flags %d many %d", WV(0, 0, NULL, 0), WV(2, 1, NULL, 0), WV(129, 0, NULL, 0));
    w[1].val = 1;
    printf(" value %d", WV(2, 0, NULL, 0));
    w[1].val = 0;
    w[1].flags = 1;
    printf(" size %d", WV(2, 0, NULL, 0));
    w[1].flags = 2 | 128;
    w[1].reserved = 1;
    printf(" reserved %d", WV(2, 0, NULL, 0));
    w[1].reserved = 0;
    printf(" timeout %d clock %d", WV(2, 0, to, CLOCK_MONOTONIC), WV(2, 0, to, 7));
    pthread_create(&t, NULL, wake_b, NULL);
    long r = syscall(449, w, 2, 0, NULL, 0);
    printf(" woken %ld\n", r < 0 ? -errno : r);
    pthread_join(t, NULL);
}

static void futex2(void)
{
    long long past[2] = {0, 0};
    enum { U32 = 2, PRIV = 128 };
#define FW(...) (syscall(455, __VA_ARGS__) < 0 ? -errno : 0)
    va = 5;
    printf("futex_wait: value %d mask %d flags %d size %d timeout %d clock %d null %d\n", FW(&va, 4, -1, U32, 0, 0), FW(&va, 5, 0, U32, 0, 0),
           FW(&va, 5, -1, 0x1000, 0, 0), FW(&va, 5, -1, 3, 0, 0), FW(&va, 5, -1, U32 | PRIV, past, 1), FW(&va, 5, -1, U32, past, 9),
           FW(NULL, 5, -1, U32, 0, 0));
    errno = 0;
    printf("futex_wake: %ld mask %ld %d", syscall(454, &va, -1, 1, U32), syscall(454, &va, 0, 1, U32), errno);
    struct { uint64_t val, addr; uint32_t flags, reserved; } w[2] = {{5, (uintptr_t)&va, U32, 0}, {0, (uintptr_t)&vb, U32, 0}};
    printf(" futex_requeue: %ld", syscall(456, w, 0, 1, 1));
    w[0].val = 6;
    printf(" %ld", syscall(456, w, 0, 1, 1));
    printf(" %d\n", errno);
}

int main(void)
{
    waitv();
    futex2();
    return 0;
}
