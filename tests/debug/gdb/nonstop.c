/* Two threads: one that waits for ever, one that is interrupted and goes on while the others do what they do. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

volatile int count, go = 1;
static int fds[2];
static pthread_barrier_t all;

static void here(int i)
{
    usleep(20000);
}

static void *counts(void *arg)
{
    pthread_barrier_wait(&all);
    while (go) {
        count++;
        usleep(100);
    }
    return NULL;
}

static void *waits(void *arg)
{
    char c;
    pthread_barrier_wait(&all);
    read(fds[0], &c, 1);
    return NULL;
}

int main(void)
{
    pthread_t t[2];
    pipe(fds);
    pthread_barrier_init(&all, NULL, 3);
    pthread_create(&t[0], NULL, counts, NULL);
    usleep(20000);
    pthread_create(&t[1], NULL, waits, NULL);
    pthread_barrier_wait(&all);
    usleep(20000);
    for (int i = 0; i < 4; i++)
        here(i);
    go = 0;
    write(fds[1], "x", 1);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    printf("%d\n", count > 100);
    return 0;
}
