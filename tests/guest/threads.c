/* Threads: mutexes, condition variables, TLS, joins, many short ones, atomics. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N = 8, ROUNDS = 20000 };
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static long plain;
static atomic_long counter;
static atomic_llong wide;
static __thread int tls = 5;
static int turn;

static void *adder(void *arg)
{
    tls += (int)(intptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&counter, 1);
        atomic_fetch_add(&wide, 0x100000001ll);
        pthread_mutex_lock(&mu);
        plain++;
        pthread_mutex_unlock(&mu);
    }
    return (void *)(intptr_t)tls;
}

static void *ring(void *arg)
{
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mu);
        while (turn % N != me)
            pthread_cond_wait(&cv, &mu);
        turn++;
        pthread_cond_broadcast(&cv);
        pthread_mutex_unlock(&mu);
    }
    return NULL;
}

static void *nothing(void *arg) { return arg; }

int main(void)
{
    pthread_t t[N];
    void *r;
    int sum = 0;
    for (int i = 0; i < N; i++)
        pthread_create(&t[i], NULL, adder, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++) {
        pthread_join(t[i], &r);
        sum += (int)(intptr_t)r;
    }
    printf("plain %ld counter %ld wide %llx tls sum %d own %d\n", plain, (long)counter,
           (long long)wide, sum, tls);
    for (int i = 0; i < N; i++)
        pthread_create(&t[i], NULL, ring, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        pthread_join(t[i], NULL);
    printf("turns %d\n", turn);
    for (int i = 0; i < 300; i++) {
        pthread_create(&t[0], NULL, nothing, NULL);
        pthread_join(t[0], NULL);
    }
    printf("done\n");
    return 0;
}
