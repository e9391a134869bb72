/* The allocator: blocks do not overlap and keep their contents, in several threads, across forks, and when
 * processes that share memory are killed in it. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { SLOTS = 300 };

struct block {
    unsigned char *p;
    size_t n;
    unsigned char fill;
};

/* A state for each thread and process (see random.h for the others' one). */
static uint64_t random64(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = (*seed ^ *seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

static size_t some_size(uint64_t *seed)
{
    unsigned bits = (unsigned)(random64(seed) % 19);
    return random64(seed) % ((size_t)2 << bits);
}

static int intact(const struct block *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->p[i] != b->fill)
            return 0;
    return 1;
}

static unsigned char *allocate(size_t n, uint64_t *seed, int *wrong)
{
    size_t align = (size_t)16 << random64(seed) % 9;
    unsigned char *p;
    switch (random64(seed) % 4) {
    case 0:
        p = calloc(1, n);
        for (size_t i = 0; i < n; i++)
            *wrong += p[i] != 0;
        break;
    case 1:
        p = memalign(align, n);
        *wrong += (uintptr_t)p % align != 0;
        break;
    default:
        p = malloc(n);
    }
    *wrong += !p || (uintptr_t)p % 16 || malloc_usable_size(p) < n;
    return p;
}

/* How many things were wrong. */
static int exercise(uint64_t seed, int steps)
{
    struct block b[SLOTS] = {{0}};
    int wrong = 0;
    for (int i = 0; i < steps; i++) {
        struct block *x = &b[random64(&seed) % SLOTS];
        wrong += !intact(x);
        size_t n = some_size(&seed);
        if (x->p && random64(&seed) % 3 == 0) {
            size_t kept = n < x->n ? n : x->n;
            x->p = realloc(x->p, n ? n : 1);
            x->n = kept;
            wrong += !intact(x);
        } else {
            free(x->p);
            x->p = allocate(n, &seed, &wrong);
        }
        x->n = n;
        x->fill = (unsigned char)(i + (int)seed);
        memset(x->p, x->fill, n);
    }
    for (int i = 0; i < SLOTS; i++) {
        wrong += !intact(&b[i]);
        free(b[i].p);
    }
    return wrong;
}

static void *thread(void *seed)
{
    return (void *)(intptr_t)exercise((uintptr_t)seed, 5000);
}

static void threads(void)
{
    pthread_t id[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&id[i], NULL, thread, (void *)(i + 1));
    for (int i = 0; i < 20; i++) { /* meanwhile */
        int st = -1;
        pid_t pid = fork();
        if (!pid)
            _exit(exercise((uint64_t)i + 100, 300) != 0);
        CHECK(waitpid(pid, &st, 0) == pid && st == 0);
    }
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(id[i], &wrong);
        CHECK(wrong == NULL);
    }
}

static int forever(void *seed)
{
    for (uintptr_t s = (uintptr_t)seed; s; s++)
        exercise(s, 1000);
    return 0;
}

static void killed(void)
{
    static char stack[1 << 16] __attribute__((aligned(16)));
    uint64_t seed = 7;
    for (uintptr_t i = 0; i < 200; i++) {
        int st;
        pid_t pid = clone(forever, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)(i + 1000));
        if (pid < 0 && errno == EINVAL) { /* qemu-user */
            printf("alloc: processes that share memory cannot be had here\n");
            return;
        }
        CHECK(pid > 0);
        const struct timespec pause = {0, (long)(random64(&seed) % 2000000)};
        nanosleep(&pause, NULL);
        CHECK(exercise(i, 50) == 0);
        kill(pid, SIGKILL);
        waitpid(pid, &st, 0);
        CHECK(exercise(i, 200) == 0);
    }
}

int main(void)
{
    CHECK(exercise(1, 20000) == 0);
    volatile size_t huge = SIZE_MAX; /* the compiler must not see it */
    CHECK(malloc(huge) == NULL && errno == ENOMEM);
    CHECK(calloc(huge / 2, 4) == NULL && errno == ENOMEM);
    CHECK(malloc(huge >> 18) == NULL && errno == ENOMEM);
    void *p = malloc(100);
    free(p);
    CHECK(malloc(100) == p); /* the last freed is the next */
    threads();
    killed();
    FINISH();
}
