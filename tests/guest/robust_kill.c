/* What SIGKILL leaves behind in memory that others share: robust mutexes of the killed process, held by any of
 * its threads, made known before and after the memory was shared. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 4 };
struct shared {
    pthread_mutex_t m[N];
    volatile int held;
};

static void make(pthread_mutex_t *m, int protocol)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setprotocol(&a, protocol);
    pthread_mutex_init(m, &a);
}

static struct shared *volatile s;
static volatile int working;

static void *early(void *arg)
{
    working = 1;
    while (!s)
        ;
    pthread_mutex_lock(&s->m[1]);
    __sync_fetch_and_add(&s->held, 1);
    for (;;)
        pause();
}

static void *late(void *arg)
{
    pthread_mutex_lock(&s->m[2]);
    __sync_fetch_and_add(&s->held, 1);
    for (;;)
        ;
}

static void report(struct shared *p, const char *who)
{
    for (int i = 0; i < N; i++) {
        int e = pthread_mutex_lock(&p->m[i]);
        printf("%s: mutex %d: %s", who, i, e == EOWNERDEAD ? "owner died" : e ? strerror(e) : "free");
        if (e == EOWNERDEAD)
            printf(", %s", pthread_mutex_consistent(&p->m[i]) ? "lost" : "mended");
        printf(", %s\n", pthread_mutex_unlock(&p->m[i]) ? "not unlocked" : "unlocked");
    }
}

static void *map(int fd)
{
    return mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void run(const char *who, int fd, int waits)
{
    int st, got;
    struct shared *p = map(fd);
    memset(p, 0, sizeof *p);
    for (int i = 0; i < N; i++)
        make(&p->m[i], i == 3 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    pid_t pid = fork(), other = 0;
    if (!pid) {
        pthread_t t;
        pthread_create(&t, NULL, early, NULL);
        while (!working)
            ;
        s = map(fd);
        pthread_mutex_lock(&s->m[0]);
        pthread_mutex_lock(&s->m[3]);
        pthread_create(&t, NULL, late, NULL);
        while (s->held < 2)
            usleep(1000);
        s->held = 10;
        for (;;)
            pause();
    }
    while (p->held < 10)
        usleep(1000);
    if (waits && !(other = fork())) /* is woken up */
        _exit(pthread_mutex_lock(&p->m[0]) != EOWNERDEAD || pthread_mutex_consistent(&p->m[0]) ||
              pthread_mutex_unlock(&p->m[0]));
    if (waits)
        usleep(20000);
    kill(pid, SIGKILL);
    waitpid(pid, &st, 0);
    if (other) {
        waitpid(other, &got, 0);
        printf("%s: waiter %s\n", who, got ? "got something else" : "got it");
    }
    report(p, who);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int fd = memfd_create("shared", 0);
    ftruncate(fd, sizeof(struct shared));
    alarm(300);
    run("killed", fd, 0);
    run("waited for", fd, 1);
    return 0;
}
