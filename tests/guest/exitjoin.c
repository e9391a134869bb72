/* exit_group by one thread: no other thread sees that one's end (or the robust mutex it held). */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t robust;
static pthread_barrier_t locked;

static void *leave(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&robust);
    pthread_barrier_wait(&locked);
    usleep(100);
    _exit(3);
}

static void *join(void *arg)
{
    pthread_join(*(pthread_t *)arg, NULL);
    _exit(9);
}

int main(void)
{
    int seen[256] = {0};
    for (int i = 0; i < 100; i++) {
        int st, pid = fork();
        if (!pid) {
            pthread_t t, u;
            pthread_mutexattr_t a;
            pthread_mutexattr_init(&a);
            pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
            pthread_mutex_init(&robust, &a);
            pthread_barrier_init(&locked, NULL, 2);
            pthread_create(&t, NULL, leave, NULL);
            pthread_barrier_wait(&locked);
            pthread_create(&u, NULL, join, &t);
            _exit(pthread_mutex_lock(&robust) == EOWNERDEAD ? 10 : 11);
        }
        waitpid(pid, &st, 0);
        seen[WEXITSTATUS(st)]++;
    }
    for (int i = 0; i < 256; i++)
        if (seen[i])
            printf("status %d: %d\n", i, seen[i]);
    return 0;
}
