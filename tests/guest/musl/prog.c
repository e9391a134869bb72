/* What a C library asks of the kernel and the processor, with another one than glibc: TLS, threads and their
 * cancellation, conditions, signals and their stacks, stdio, floating-point text, time, processes, sockets. */
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;
static __thread int own = 7;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, sum;
static volatile sig_atomic_t signals;

static void *worker(void *arg)
{
    int me = (int)(long)arg;
    own += me;
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&lock);
        while (turn % 4 != me)
            pthread_cond_wait(&changed, &lock);
        sum += own;
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return (void *)(long)own;
}

static void cleanup(void *arg) { puts("cancelled"); }

static void *sleeper(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    sem_post(arg);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static void threads(void)
{
    pthread_t t[4];
    void *r;
    sem_t ready;
    for (long i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, worker, (void *)i);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &r);
        printf("thread %d: %ld\n", i, (long)r);
    }
    printf("sum %d, own %d\n", sum, own);
    sem_init(&ready, 0, 0);
    pthread_create(&t[0], NULL, sleeper, &ready);
    sem_wait(&ready);
    pthread_cancel(t[0]);
    pthread_join(t[0], &r);
    printf("%d\n", r == PTHREAD_CANCELED);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 1000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    int late = sem_timedwait(&ready, &soon);
    printf("sem_timedwait: %d %s\n", late, strerror(errno));
}

static jmp_buf back;
static void on_signal(int sig, siginfo_t *info, void *context)
{
    signals++;
    if (sig == SIGSEGV)
        siglongjmp(back, (int)(long)info->si_addr);
}

static void handlers(void)
{
    stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct itimerval soon = {.it_value = {.tv_usec = 1000}};
    sigset_t set, old;
    sigaltstack(&ss, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGALRM, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    int r = sigsetjmp(back, 1);
    if (!r)
        *(volatile int *)16 = 0;
    printf("fault at %d\n", r);
    signal(SIGSEGV, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, &old);
    setitimer(ITIMER_REAL, &soon, NULL);
    while (signals < 2)
        sigsuspend(&old);
    raise(SIGUSR1);
    union sigval v = {.sival_int = 42};
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigqueue(getpid(), SIGRTMIN, v);
    siginfo_t info;
    sigwaitinfo(&set, &info);
    printf("signals %d, queued %d\n", (int)signals, info.si_value.sival_int);
}

static void text(void)
{
    char buf[200], *end;
    struct tm parsed;
    setlocale(LC_ALL, "C.UTF-8");
    printf("%.17g %a %Lg %.3f %e %g\n", 0.1, 1.0 / 3, 1e4000L, 2.5, 1e-310, strtod("0x1.8p-1074", NULL));
    long double pi = strtold("3.14159265358979323846 and more", &end);
    printf("%.20Lg%s %ld\n", pi, end, strtol("-0x7f", NULL, 0));
    printf("%.15g %.15g %.15g %.15g\n", sin(1e22), exp(1.5), pow(2.5, -3.25), cbrt(2));
    fesetround(FE_UPWARD);
    printf("%.17g %lld\n", (double)(1.0f / 3), llrint(2.2));
    fesetround(FE_TONEAREST);
    wchar_t wide[40];
    int n = swprintf(wide, 40, L"%ls %c", L"\u00e4\u4e2d", 'x');
    printf("%d %ls\n", n, wide);
    printf("%s\n", strptime("2038-01-19 03:14:08", "%Y-%m-%d %H:%M:%S", &parsed) ? "parsed" : "not parsed");
    time_t t = 4102444800;
    struct tm *tm = gmtime(&t);
    strftime(buf, sizeof buf, "%F %T %j", tm);
    printf("%s %zu\n", buf, sizeof t);
}

static void files(void)
{
    char name[] = "/tmp/muslXXXXXX", line[64];
    int fd = mkstemp(name);
    FILE *f = fdopen(fd, "w+");
    struct stat st;
    for (int i = 0; i < 1000; i++)
        fprintf(f, "%d %s\n", i, "line");
    fseek(f, -9, SEEK_END);
    printf("%s", fgets(line, sizeof line, f));
    fflush(f);
    fstat(fd, &st);
    char *m = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    printf("%ld %.6s\n", (long)st.st_size, m);
    printf("ftruncate %d\n", ftruncate(fd, 5LL << 32));
    stat(name, &st);
    printf("%lld\n", (long long)st.st_size);
    unlink(name);
    struct timespec times[2] = {{.tv_sec = 1LL << 33}, {.tv_nsec = UTIME_OMIT}};
    printf("futimens %d\n", futimens(fd, times));
    fclose(f);
}

static void processes(char *self)
{
    int fds[2], st;
    pid_t pid;
    char buf[64] = "", *argv[] = {self, "child", NULL};
    posix_spawn_file_actions_t a;
    pipe(fds);
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_adddup2(&a, fds[1], 1);
    printf("spawn %d\n", posix_spawn(&pid, self, &a, NULL, argv, environ));
    waitpid(pid, &st, 0);
    read(fds[0], buf, sizeof buf);
    printf("%x %s", st, buf);
    printf("spawn of nothing: %s\n", strerror(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ)));
    FILE *p = popen("echo from a shell; exit 3", "r");
    printf("%s", fgets(buf, sizeof buf, p));
    printf("%x\n", pclose(p));
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    send(fds[0], "abc", 3, MSG_NOSIGNAL);
    struct pollfd pf = {.fd = fds[1], .events = POLLIN | POLLOUT};
    int n = poll(&pf, 1, 100);
    printf("poll %d %x, recv %d\n", n, pf.revents, (int)recv(fds[1], buf, 3, 0));
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *r;
    n = getaddrinfo("127.0.0.1", "80", &hints, &r);
    printf("getaddrinfo %d %d\n", n, n ? 0 : r->ai_family);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        puts("a child");
        return 9;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    threads();
    handlers();
    text();
    files();
    processes(argv[0]);
    return 4;
}
