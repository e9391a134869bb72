/* More code than fits into little code memory: thousands of functions, called often enough to be
 * translated, round and round, and rewritten in between; meanwhile a thread stays in one loop. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FUNCTIONS = 3000, SIZE = 64, ROUNDS = 4, CALLS = 12 };

static unsigned char *code;
static volatile int stop;
static volatile unsigned turns;

static void *spin(void *arg)
{
    (void)arg;
    while (!stop)
        turns++;
    return NULL;
}

/* mov eax, [esp+4]; some additions; add eax, key; ret */
static void write_function(int i, unsigned key)
{
    unsigned char *p = code + i * SIZE;
    memcpy(p, "\x8b\x44\x24\x04", 4);
    p += 4;
    for (int k = 0; k < i % 8; k++) {
        memcpy(p, "\x83\xc0\x01\x8d\x00", 5);
        p += 5;
    }
    *p++ = 0x05;
    memcpy(p, &key, 4);
    p[4] = 0xc3;
}

static unsigned call(int i, unsigned arg)
{
    return ((unsigned (*)(unsigned))(void *)(code + i * SIZE))(arg);
}

static unsigned key_of(int i, int round)
{
    return (unsigned)i * 2654435761u + (unsigned)round * (i % 5 == 0);
}

static int wrong;

static void round_of(int round)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (round && i % 5 == 0)
            write_function(i, key_of(i, round));
    for (int n = 0; n < CALLS; n++)
        for (int i = 0; i < FUNCTIONS; i++)
            wrong += call(i, (unsigned)n) != (unsigned)n + (unsigned)(i % 8) + key_of(i, round);
    printf("round %d: %d wrong\n", round, wrong);
}

int main(void)
{
    pthread_t t;
    code = mmap(NULL, FUNCTIONS * SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < FUNCTIONS; i++)
        write_function(i, key_of(i, 0));
    pthread_create(&t, NULL, spin, NULL);
    while (!turns)
        sched_yield();
    for (int round = 0; round < ROUNDS; round++)
        round_of(round);
    stop = 1;
    pthread_join(t, NULL);
    return 0;
}
