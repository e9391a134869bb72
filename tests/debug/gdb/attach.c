/* Runs until a debugger that attaches lets it end. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

volatile int go = 1, count;
static pthread_barrier_t both;

static void step(int by)
{
    count += by;
}

static void *work(void *arg)
{
    pthread_barrier_wait(&both);
    while (go)
        usleep(1000);
    return NULL;
}

int main(void)
{
    pthread_t t;
    alarm(100); /* if nobody comes */
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&t, NULL, work, NULL);
    pthread_barrier_wait(&both);
    puts("ready");
    fflush(stdout);
    while (go) {
        usleep(1000);
        step(2);
    }
    pthread_join(t, NULL);
    return 5;
}
