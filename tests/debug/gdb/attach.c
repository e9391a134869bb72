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

enum { LONG = 3 /* seconds: there the debugger finds both threads */, SHORT = 50000 };

static void *work(void *arg)
{
    pthread_barrier_wait(&both);
    sleep(LONG);
    while (go)
        usleep(SHORT);
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
    sleep(LONG);
    while (go) {
        usleep(SHORT);
        step(2);
    }
    pthread_join(t, NULL);
    return 5;
}
