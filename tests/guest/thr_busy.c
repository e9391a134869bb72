/* Many short threads and what they leave; fork while other threads are busy with memory and locks. */
#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *arg) { return arg; }

static long resident_kb(void)
{
    long size, res;
    FILE *f = fopen("/proc/self/statm", "r");
    fscanf(f, "%ld %ld", &size, &res);
    fclose(f);
    return res * 4;
}

static void many_short(void)
{
    pthread_t t[8];
    void *r;
    long sum = 0;
    for (int i = 0; i < 100; i++) { /* what is kept for reuse is there from now on */
        pthread_create(&t[0], NULL, nothing, NULL);
        pthread_join(t[0], NULL);
    }
    long before = resident_kb();
    for (int i = 0; i < 500; i++) {
        for (int k = 0; k < 4; k++)
            if (pthread_create(&t[k], NULL, nothing, (void *)(intptr_t)k))
                printf("create failed\n");
        for (int k = 0; k < 4; k++) {
            pthread_join(t[k], &r);
            sum += (long)r;
        }
    }
    printf("2000 short threads %ld, memory grew by %s\n", sum, resident_kb() - before < 4000 ? "little" : "much");
}

/* ---- fork while other threads are busy ---- */

static volatile int stop;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static volatile long busy_count;

static void *busy(void *arg)
{
    while (!stop) {
        void *p[8];
        for (int i = 0; i < 8; i++)
            p[i] = malloc(10 + i * 500);
        void *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(volatile int *)m = 1;
        for (int i = 0; i < 8; i++)
            free(p[i]);
        munmap(m, 8192);
        pthread_mutex_lock(&mu);
        busy_count++;
        pthread_mutex_unlock(&mu);
    }
    return NULL;
}

static void forks(void)
{
    pthread_t t[3];
    int good = 0, st;
    stop = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, busy, NULL);
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();
        if (!pid) {
            pthread_t c;
            void *r = malloc(100000);
            free(r);
            pthread_create(&c, NULL, nothing, (void *)7);
            pthread_join(c, &r);
            _exit((int)(intptr_t)r);
        }
        good += waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 7;
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    printf("forks among busy threads: %d of 40\n", good);
}

int main(void)
{
    int threads = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));)
        threads += e->d_name[0] != '.';
    printf("threads at the start: %d\n", threads);
    if (threads != 1)
        return 1; /* somebody else's: neither memory nor fork would tell anything about this program */
    many_short();
    forks();
    return 0;
}
