/* LOCKed operations and XCHG lose no update, whatever their size and alignment, between threads and
 * between processes; neighbours of the operand stay as they are. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, ROUNDS = 300 };

static unsigned char *area;
static pthread_barrier_t *start;

static void add8(void *p) { __asm__ volatile("lock addb $1, %0" : "+m"(*(uint8_t *)p) : : "memory"); }
static void inc16(void *p) { __asm__ volatile("lock incw %0" : "+m"(*(uint16_t *)p) : : "memory"); }
static void add32(void *p) { __asm__ volatile("lock addl $0x10001, %0" : "+m"(*(uint32_t *)p) : : "memory"); }
static void xadd16(void *p) { uint16_t v = 3; __asm__ volatile("lock xaddw %1, %0" : "+m"(*(uint16_t *)p), "+r"(v) : : "memory"); }
static void xadd32(void *p) { uint32_t v = 0x1000001; __asm__ volatile("lock xaddl %1, %0" : "+m"(*(uint32_t *)p), "+r"(v) : : "memory"); }
static void sbb32(void *p) { __asm__ volatile("stc; lock sbbl $0, %0" : "+m"(*(uint32_t *)p) : : "memory"); }

static void cas32(void *p)
{
    uint32_t old = *(volatile uint32_t *)p;
    for (;;) {
        uint32_t seen = old;
        char ok;
        __asm__ volatile("lock cmpxchgl %3, %0; sete %1" : "+m"(*(uint32_t *)p), "=q"(ok), "+a"(seen) : "r"(old + 7) : "memory");
        if (ok)
            return;
        old = seen;
    }
}

static void cas64(void *p)
{
    uint32_t lo = ((volatile uint32_t *)p)[0], hi = ((volatile uint32_t *)p)[1];
    for (;;) {
        uint64_t v = ((uint64_t)hi << 32 | lo) + 0x80000001u;
        char ok;
        __asm__ volatile("lock cmpxchg8b %0; sete %1" : "+m"(*(uint64_t *)p), "=q"(ok), "+a"(lo), "+d"(hi) : "b"((uint32_t)v), "c"((uint32_t)(v >> 32)) : "memory");
        if (ok)
            return;
    }
}

/* A spin lock by XCHG around a plain counter that stands behind the lock. */
static void xchg_lock(void *p)
{
    uint32_t v = 1;
    for (;;) {
        __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*(uint32_t *)p) : : "memory");
        if (!v)
            break;
        v = 1;
        sched_yield();
    }
    uint32_t c;
    memcpy(&c, (char *)p + 8, 4);
    c++;
    memcpy((char *)p + 8, &c, 4);
    v = 0;
    __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*(uint32_t *)p) : : "memory");
}


static const struct op { const char *name; void (*fn)(void *); int size; } ops[] = {
    {"add8", add8, 1}, {"inc16", inc16, 2}, {"xadd16", xadd16, 2}, {"add32", add32, 4}, {"xadd32", xadd32, 4},
    {"sbb32", sbb32, 4}, {"cas32", cas32, 4}, {"cas64", cas64, 8}, {"xchg lock", xchg_lock, 12},
};
static const struct op *op;
static int at;

static void *work(void *arg)
{
    pthread_barrier_wait(start);
    for (int i = 0; i < ROUNDS; i++)
        op->fn(area + at);
    return arg;
}

static void result(void)
{
    unsigned sum = 0;
    for (int i = -16; i < 0; i++)
        sum |= area[at + i] ^ 0x5a;
    for (int i = op->size; i < 24; i++)
        sum |= area[at + i] ^ 0x5a;
    printf(" %s", sum ? "NEIGHBOURS " : "");
    for (int i = op->size - 1; i >= 0; i--)
        printf("%02x", area[at + i]);
}

static void prepare(void)
{
    memset(area + at - 16, 0x5a, 48);
    memset(area + at, 0, op->size);
}

static void threads(void)
{
    pthread_t t[THREADS];
    prepare();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    result();
}

static void processes(void)
{
    prepare();
    for (int i = 0; i < THREADS; i++)
        if (!fork()) {
            work(NULL);
            _exit(0);
        }
    for (int i = 0; i < THREADS; i++)
        wait(NULL);
    result();
}

int main(void)
{
    static const int offsets[] = {64, 67, 71, 77, 79, 125, 127, 4093, 4095};
    area = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    start = (void *)(area + 8192);
    pthread_barrierattr_t a;
    pthread_barrierattr_init(&a);
    pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(start, &a, THREADS);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned o = 0; o < sizeof ops / sizeof *ops; o++) {
        op = &ops[o];
        printf("%s threads:", op->name);
        for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++) {
            at = offsets[i];
            threads();
        }
        printf("\n");
    }
    for (unsigned o = 0; o < sizeof ops / sizeof *ops; o++) {
        op = &ops[o];
        printf("%s processes:", op->name);
        for (unsigned i = 2; i < sizeof offsets / sizeof *offsets; i += 3) {
            at = offsets[i];
            processes();
        }
        printf("\n");
    }
    return 0;
}
