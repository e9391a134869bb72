/* Threads at their end and under stress: leader first, exec from another thread, setuid for all,
 * cancellation, detached threads, signal storms. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "state.h"

static void *nothing(void *arg) { return arg; }

static void many_detached(void)
{
    static sem_t s;
    pthread_attr_t a;
    pthread_t t;
    sem_init(&s, 0, 0);
    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 200; i++) {
        while (pthread_create(&t, &a, (void *(*)(void *))sem_post, &s))
            usleep(1000);
    }
    for (int i = 0; i < 200; i++)
        while (sem_wait(&s))
            ;
    printf("200 detached threads\n");
}

/* ---- the leader ends first ---- */

static void *outlive(void *arg)
{
    int fd = *(int *)arg;
    wait_state(getpid(), getpid(), "Z");
    char buf[64];
    int n = sprintf(buf, "still here, pid %s", getpid() == (int)syscall(SYS_gettid) ? "tid" : "not tid");
    write(fd, buf, n);
    _exit(21); /* exit_group */
    return NULL;
}

static void leader_first(int how)
{
    int p[2], st;
    char buf[64] = "";
    pipe(p);
    pid_t pid = fork();
    if (!pid) {
        pthread_t t;
        pthread_create(&t, NULL, outlive, &p[1]);
        if (how)
            syscall(SYS_exit, 5);
        pthread_exit(NULL);
    }
    close(p[1]);
    waitpid(pid, &st, 0);
    read(p[0], buf, sizeof buf);
    printf("leader first: %s, status %d\n", buf, WEXITSTATUS(st));
    close(p[0]);
}

static void *end_with(void *arg)
{
    wait_state(getpid(), getpid(), "Z");
    syscall(SYS_exit, (long)arg);
    return NULL;
}

static void last_thread_status(void)
{
    int st;
    pid_t pid = fork();
    if (!pid) {
        pthread_t t;
        pthread_create(&t, NULL, end_with, (void *)9);
        syscall(SYS_exit, 5);
    }
    waitpid(pid, &st, 0);
    printf("the leader said 5, the last thread 9: %d\n", WEXITSTATUS(st));
}

/* ---- exec from a thread ---- */

static int expected_pid;
static void *exec_here(void *arg)
{
    char pid[16], *argv[] = {"/proc/self/exe", "exec-child", pid, NULL};
    sprintf(pid, "%d", expected_pid);
    fcntl(*(int *)arg, F_SETFD, 0);
    execv("/proc/self/exe", argv);
    _exit(99);
}
static void *forever(void *arg)
{
    for (;;)
        pause();
}
static void *spin(void *arg)
{
    for (volatile int i = 0;; i++)
        ;
}

static void exec_from_thread(void)
{
    int st, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        pthread_t t;
        expected_pid = getpid();
        pthread_create(&t, NULL, forever, NULL);
        pthread_create(&t, NULL, spin, NULL);
        pthread_create(&t, NULL, exec_here, &fd);
        pthread_join(t, NULL);
    }
    waitpid(pid, &st, 0);
    printf("exec from a thread: status %d\n", WEXITSTATUS(st));
    close(fd);
}

/* /proc/self is no way to the program and its descriptors any more. */
static void *exec_alone(void *arg)
{
    char pid[16], *argv[] = {"program", "exec-child", pid, NULL};
    sprintf(pid, "%d", expected_pid);
    wait_state(expected_pid, expected_pid, "Z");
    fexecve(*(int *)arg, argv, environ);
    _exit(99);
}

static void exec_without_leader(void)
{
    int st, fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    pid_t pid = fork();
    if (!pid) {
        pthread_t t;
        expected_pid = getpid();
        pthread_create(&t, NULL, exec_alone, &fd);
        syscall(SYS_exit, 5);
    }
    waitpid(pid, &st, 0);
    printf("exec when the leader has ended: status %d\n", WEXITSTATUS(st));
    close(fd);
}

static int exec_child(char **argv)
{
    printf("in the new program: pid %s tid %s\n", getpid() == atoi(argv[2]) ? "kept" : "changed",
           syscall(SYS_gettid) == getpid() ? "is pid" : "differs");
    return 17;
}

static volatile int stop;

/* ---- setuid for all threads ---- */

static pthread_barrier_t bar;
static void *identity(void *arg)
{
    pthread_barrier_wait(&bar); /* all are there */
    pthread_barrier_wait(&bar); /* changed */
    *(int *)arg = syscall(SYS_getuid32) * 10000 + syscall(SYS_getgid32);
    return NULL;
}

static void setxid(void)
{
    pid_t pid = fork();
    int st;
    if (!pid) {
        pthread_t t[3];
        int id[3], r1, r2;
        pthread_barrier_init(&bar, NULL, 4);
        for (int i = 0; i < 3; i++)
            pthread_create(&t[i], NULL, identity, &id[i]);
        pthread_barrier_wait(&bar);
        r1 = setgid(1234);
        r2 = setuid(4321);
        pthread_barrier_wait(&bar);
        for (int i = 0; i < 3; i++)
            pthread_join(t[i], NULL);
        int root = r1 == 0;
        _exit(root ? r2 == 0 && id[0] == 43211234 && id[1] == 43211234 && id[2] == 43211234 : 1);
    }
    waitpid(pid, &st, 0);
    printf("setgid, setuid in all threads: %d\n", WEXITSTATUS(st));
}

/* ---- cancellation ---- */

static volatile int cleaned;
static void cleanup(void *arg) { cleaned += (int)(intptr_t)arg; }
static volatile int reader;
static void *cancel_blocked(void *arg)
{
    pthread_cleanup_push(cleanup, (void *)1);
    char c;
    reader = syscall(SYS_gettid);
    read(*(int *)arg, &c, 1);
    pthread_cleanup_pop(0);
    return NULL;
}
static void *cancel_async(void *arg)
{
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_cleanup_push(cleanup, (void *)10);
    *(volatile int *)arg = 1;
    for (;;)
        ;
    pthread_cleanup_pop(0);
    return NULL;
}
static void *cancel_disabled(void *arg)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    *(volatile int *)arg = 1;
    while (*(volatile int *)arg) /* until it is cancelled */
        sched_yield();
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    cleaned += 100;
    pthread_testcancel();
    cleaned += 1000;
    return NULL;
}

static void cancel(void)
{
    pthread_t t;
    void *r[3];
    int p[2];
    volatile int ready = 0;
    pipe(p);
    pthread_create(&t, NULL, cancel_blocked, &p[0]);
    while (!reader)
        sched_yield();
    wait_state(getpid(), reader, "S");
    pthread_cancel(t);
    pthread_join(t, &r[0]);
    pthread_create(&t, NULL, cancel_async, (void *)&ready);
    while (!ready)
        sched_yield();
    pthread_cancel(t);
    pthread_join(t, &r[1]);
    ready = 0;
    pthread_create(&t, NULL, cancel_disabled, (void *)&ready);
    while (!ready)
        sched_yield();
    pthread_cancel(t);
    ready = 0;
    pthread_join(t, &r[2]);
    printf("cancelled %d %d %d, cleaned %d\n", r[0] == PTHREAD_CANCELED, r[1] == PTHREAD_CANCELED, r[2] == PTHREAD_CANCELED, cleaned);
}

/* ---- signal storms ---- */

static volatile int hits[4];
static __thread int me;
static void count(int s)
{
    int e = errno;
    hits[me]++;
    errno = e;
}
static void *target(void *arg)
{
    me = (int)(intptr_t)arg;
    volatile double x = 1;
    unsigned n = 0;
    pthread_barrier_wait(&bar);
    while (!stop) {
        x = x * 1.0000001;
        n = n * 1664525 + 1013904223;
        if (n % 1000 == 0)
            getppid();
    }
    return NULL;
}

static void storm(void)
{
    pthread_t t[3];
    struct sigaction sa = {.sa_handler = count, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, NULL);
    pthread_barrier_init(&bar, NULL, 4);
    stop = 0;
    me = 3;
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, target, (void *)(intptr_t)i);
    pthread_barrier_wait(&bar);
    for (int k = 0; k < 20; k++)
        for (int i = 0; i < 3; i++) { /* each is delivered before the next is sent */
            int before = hits[i];
            pthread_kill(t[i], SIGUSR1);
            while (hits[i] == before)
                sched_yield();
        }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    printf("signals %d %d %d, elsewhere %d\n", hits[0], hits[1], hits[2], hits[3]);
}

static void *tls_check(void *arg)
{
    static __thread int a = 1, b;
    static __thread char big[3000];
    for (int i = 0; i < 2000; i++) {
        a += b++;
        big[i] = (char)(intptr_t)arg;
        if (i % 500 == 0)
            sched_yield();
    }
    for (int i = 0; i < 2000; i++)
        if (big[i] != (char)(intptr_t)arg)
            return NULL;
    return (void *)(intptr_t)a;
}

static void tls(void)
{
    pthread_t t[6];
    void *r;
    int ok = 0;
    for (int i = 0; i < 6; i++)
        pthread_create(&t[i], NULL, tls_check, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], &r);
        ok += (int)(intptr_t)r == 1999001;
    }
    printf("thread-local storage of 6 threads: %d\n", ok);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1)
        return exec_child(argv);
    many_detached();
    leader_first(0);
    leader_first(1);
    last_thread_status();
    exec_from_thread();
    exec_without_leader();
    setxid();
    cancel();
    storm();
    tls();
    return 0;
}
