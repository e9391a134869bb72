/* Threads that are started and stopped together. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 3, ROUNDS = 200000 };
volatile long counts[THREADS];
pthread_barrier_t start, end;
__thread int mine;

__attribute__((noinline)) void reached(int i)
{
    counts[i] += 1000000;
}

static void *work(void *arg)
{
    int i = (int)(long)arg;
    mine = i + 10;
    pthread_barrier_wait(&start);
    for (int n = 0; n < ROUNDS; n++)
        counts[i]++;
    if (i == 1)
        reached(i);
    pthread_barrier_wait(&end);
    return NULL;
}

__attribute__((noinline)) void all_there(void)
{
    counts[0]++;
}

int main(void)
{
    pthread_t id[THREADS];
    pthread_barrier_init(&start, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, work, (void *)i);
    all_there();
    pthread_barrier_wait(&start);
    pthread_barrier_wait(&end);
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    printf("%ld %ld %ld\n", counts[0], counts[1], counts[2]);
    return 0;
}
