/* Changing ids in a threaded program: the C library has every thread do it, by a signal. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t started, changed;

/* Whether the ids are right and signals 32 and 33 are not blocked. */
static void *thread(void *arg)
{
    unsigned mask[2] = {0};
    (void)arg;
    pthread_barrier_wait(&started);
    pthread_barrier_wait(&changed);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, mask, 8);
    return (void *)(long)(getuid() == geteuid() && !(mask[0] >> 31) && !(mask[1] & 1));
}

int main(void)
{
    pthread_t t[3];
    pthread_barrier_init(&started, NULL, 4);
    pthread_barrier_init(&changed, NULL, 4);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, thread, NULL);
    pthread_barrier_wait(&started);
    for (int i = 0; i < 20; i++)
        if (setresuid(getuid(), getuid(), getuid()) || setgid(getgid()))
            printf("setting ids failed\n");
    pthread_barrier_wait(&changed);
    for (int i = 0; i < 3; i++) {
        void *r;
        pthread_join(t[i], &r);
        printf("thread %d: %ld\n", i, (long)r);
    }
    return 0;
}
