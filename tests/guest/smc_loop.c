/* One thread changes the loop that another is in, which leaves it: the code was patched, unmapped or
 * made inaccessible. What HotSpot does with a jump to itself, for one. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { ROUNDS = 10, PAGE = 4096, LOOPS = 100 };

static unsigned char *page;
static volatile unsigned turns;
static sigjmp_buf out;

static void on_fault(int sig)
{
    siglongjmp(out, sig);
}

static void *run(void *at)
{
    if (!sigsetjmp(out, 1))
        ((void (*)(void))at)();
    return NULL;
}

/* lock incl turns; jmp back; ret. The jump lies at +8. */
static void put_counting_loop(unsigned char *p)
{
    uint32_t a = (uint32_t)&turns;
    memcpy(p, "\xf0\xff\x05", 3);
    memcpy(p + 3, &a, 4);
    memcpy(p + 7, "\x90\xeb\xf6\xc3", 4);
}

/* nop; jmp to itself; ret. */
static void put_closed_loop(unsigned char *p)
{
    memcpy(p, "\x90\x90\xeb\xfe\xc3", 5);
}

static void patch(unsigned char *jump)
{
    __atomic_store_n((uint16_t *)jump, 0x9090, __ATOMIC_SEQ_CST);
}

static void wait_turns(void)
{
    unsigned from = turns;
    while (turns - from < LOOPS)
        sched_yield();
}

static void round_(int i)
{
    unsigned char *p = page + i * 64;
    pthread_t t;
    put_counting_loop(p);
    pthread_create(&t, NULL, run, p);
    wait_turns();
    patch(p + 8);
    pthread_join(t, NULL);

    p += 32;
    put_closed_loop(p);
    pthread_create(&t, NULL, run, p);
    for (int k = 0; k < i % 4; k++) /* mostly in the loop already */
        sched_yield();
    patch(p + 2);
    pthread_join(t, NULL);
}

static void take_away(int how)
{
    pthread_t t;
    put_counting_loop(page);
    pthread_create(&t, NULL, run, page);
    wait_turns();
    if (how == 0)
        mprotect(page, PAGE, PROT_NONE);
    else
        munmap(page, PAGE);
    pthread_join(t, NULL);
    mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < ROUNDS; i++)
        round_(i);
    puts("patched");
    take_away(0);
    puts("inaccessible");
    take_away(1);
    puts("unmapped");
    return 0;
}
