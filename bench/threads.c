/* Two threads that compute, count with a locked instruction and take a mutex in turns. */
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 2, ROUNDS = 3000000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned counter, total;

static void *work(void *arg)
{
    unsigned h = *(unsigned *)arg, mine = 0;
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 40; k++)
            h = (h ^ (unsigned)k) * 16777619 >> 1 ^ h << 7;
        if (!(i & 15))
            __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
        if (!(i & 255)) {
            pthread_mutex_lock(&lock);
            total += h & 1;
            pthread_mutex_unlock(&lock);
        }
        mine += h;
    }
    *(unsigned *)arg = mine;
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    unsigned seed[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seed[i] = i + 1;
        pthread_create(&t[i], NULL, work, &seed[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    printf("%u %u %u\n", counter, total, seed[0] ^ seed[1]);
    return 0;
}
