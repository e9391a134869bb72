/* All at once: threads, signals, fork, mappings, changing code. Argument: how many rounds. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int stop, errors;
static volatile unsigned signals;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static long counter, expected;

static int call(void *p) { return ((int (*)(void))p)(); }
static void put(unsigned char *c, int v)
{
    c[0] = 0xb8;
    memcpy(c + 1, &v, 4);
    c[5] = 0xc3;
}

static __thread unsigned char *own;
static void on_signal(int s)
{
    int e = errno;
    signals++;
    if (own) { /* code of this thread, perhaps the one that was interrupted */
        put(own + 64, (int)signals);
        call(own + 64);
    }
    errno = e;
}

static void fail(const char *what)
{
    if (__sync_fetch_and_add(&errors, 1) < 5)
        printf("error: %s\n", what);
}

static void round_of(int i)
{
    put(own, i);
    if (call(own) != i)
        fail("own code");
    unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put(p + 4093, i * 3);
    if (call(p + 4093) != i * 3)
        fail("new mapping");
    mprotect(p, 8192, PROT_READ | PROT_EXEC);
    if (call(p + 4093) != i * 3)
        fail("protected");
    munmap(p, 8192);
    char *m = malloc(100 + i % 5000);
    memset(m, i, 100);
    pthread_mutex_lock(&mu);
    counter++;
    pthread_mutex_unlock(&mu);
    __sync_fetch_and_add(&expected, 1);
    if (m[99] != (char)i)
        fail("memory");
    free(m);
}

static void *worker(void *arg)
{
    own = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; !stop; i++)
        round_of(i);
    return NULL;
}

static int threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void *brief(void *arg)
{
    put(arg, 12);
    return (void *)(intptr_t)call(arg);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 60;
    pthread_t t[3], b;
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval tv = {{0, 1500}, {0, 1500}};
    sigaction(SIGALRM, &sa, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (threads() != 1) { /* somebody else's, who then would have to fork right */
        printf("not alone\n");
        return 1;
    }
    own = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, worker, NULL);
    setitimer(ITIMER_REAL, &tv, NULL);
    for (int i = 0; i < rounds; i++) {
        int st;
        void *r;
        pid_t pid = fork();
        if (!pid) {
            put(own, i & 63);
            _exit(call(own));
        }
        round_of(i);
        pthread_create(&b, NULL, brief, own + 128);
        pthread_join(b, &r);
        if ((int)(intptr_t)r != 12)
            fail("brief thread");
        if (waitpid(pid, &st, 0) != pid || st != (i & 63) << 8)
            fail("child");
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    printf("errors %d, counter %s, signals %s\n", errors, counter == expected ? "right" : "wrong", signals ? "came" : "none");
    return 0;
}
