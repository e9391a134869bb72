/* Queues and waiting: real-time signals with payload and order, which of several comes first, sigwaitinfo,
 * signalfd, atomic masks of sigsuspend, ppoll, pselect and epoll_pwait, timers, children, stop and continue. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int got;
static char log_[4096];
static int n;

static void handler(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    sigset_t m;
    sigprocmask(SIG_SETMASK, NULL, &m);
    n += sprintf(log_ + n, " [%d code %d value %d", sig, i->si_code, i->si_code == SI_QUEUE || i->si_code == SI_TIMER ? i->si_value.sival_int : 0);
    if (i->si_code == SI_TIMER)
        n += sprintf(log_ + n, " overrun %d", i->si_overrun);
    if (i->si_code <= 0 && i->si_code != SI_TIMER)
        n += sprintf(log_ + n, " pid %d uid %d", i->si_pid == getpid(), i->si_uid);
    n += sprintf(log_ + n, " old usr1 %d new usr1 %d]", sigismember(&uc->uc_sigmask, SIGUSR1), sigismember(&m, SIGUSR1));
    got++;
}

static void flush(const char *t)
{
    printf("%s:%s\n", t, log_);
    n = 0;
    log_[0] = 0;
}

static sigset_t mk(int a, int b, int c)
{
    sigset_t s;
    sigemptyset(&s);
    if (a)
        sigaddset(&s, a);
    if (b)
        sigaddset(&s, b);
    if (c)
        sigaddset(&s, c);
    return s;
}

static void send_many(void)
{
    union sigval v;
    for (int i = 0; i < 3; i++) {
        v.sival_int = 100 + i;
        sigqueue(getpid(), SIGRTMIN + 4, v);
        v.sival_int = 200 + i;
        sigqueue(getpid(), SIGRTMIN + 1, v);
        v.sival_int = 300 + i;
        sigqueue(getpid(), SIGUSR1, v);
    }
    kill(getpid(), SIGUSR2);
    raise(SIGTERM);
}

static void child_info(const char *t, int options, int kind)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    int r = waitid(P_ALL, 0, &i, options);
    printf("%s: %d sig %d code %d status %d pid %d\n", t, r, i.si_signo, i.si_code, i.si_status, i.si_pid > 0);
}

static volatile int chld_code, chld_status, chlds;
static void on_chld(int sig, siginfo_t *i, void *u)
{
    chld_code = i->si_code;
    chld_status = i->si_status;
    chlds++;
}

static void children(void)
{
    struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t s = mk(SIGCHLD, 0, 0), old;
    sigaction(SIGCHLD, &sa, NULL);
    static const int how[] = {0, SIGKILL, SIGTERM, SIGSEGV};
    for (int k = 0; k < 4; k++) {
        chlds = 0;
        pid_t p = fork();
        if (!p) {
            struct rlimit rl = {0, 0};
            setrlimit(RLIMIT_CORE, &rl);
            signal(SIGTERM, SIG_DFL);
            if (how[k])
                kill(getpid(), how[k]);
            _exit(42);
        }
        child_info("waitid nowait", WEXITED | WNOWAIT, 0);
        child_info("waitid", WEXITED, 0);
        while (!chlds)
            usleep(1000);
        printf(" SIGCHLD code %d status %d\n", chld_code, chld_status);
    }
    sigprocmask(SIG_BLOCK, &s, &old);
    int seen[2]; /* by the parent: that it was continued */
    char c = 0;
    pipe(seen);
    pid_t p = fork();
    if (!p) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        kill(getpid(), SIGSTOP);
        read(seen[0], &c, 1);
        _exit(7);
    }
    siginfo_t i;
    sigwaitinfo(&s, &i);
    printf("stopped: code %d status %d pid %d\n", i.si_code, i.si_status, i.si_pid == p);
    child_info("waitid stopped", WSTOPPED, 0);
    kill(p, SIGCONT);
    child_info("waitid continued", WCONTINUED, 0);
    write(seen[1], &c, 1);
    close(seen[0]);
    close(seen[1]);
    child_info("waitid exited", WEXITED, 0);
    while (sigtimedwait(&s, NULL, &(struct timespec){0, 0}) > 0)
        ;
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGCHLD, SIG_DFL);
}

static void timers(void)
{
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 77};
    timer_t t;
    struct itimerspec it = {{0, 0}, {0, 20000000}};
    timer_create(CLOCK_MONOTONIC, &ev, &t);
    got = 0;
    timer_settime(t, 0, &it, NULL);
    while (!got)
        usleep(5000);
    flush("timer_create");
    sigset_t s = mk(SIGRTMIN + 2, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    it.it_interval.tv_nsec = 10000000;
    timer_settime(t, 0, &it, NULL);
    usleep(150000);
    siginfo_t i;
    sigwaitinfo(&s, &i);
    it.it_interval.tv_nsec = it.it_value.tv_nsec = 0;
    timer_settime(t, 0, &it, NULL);
    printf("overrun counted %d, code %d, value %d, getoverrun same %d\n", i.si_overrun > 3, i.si_code,
           i.si_value.sival_int, timer_getoverrun(t) >= i.si_overrun);
    timer_delete(t);
    while (sigtimedwait(&s, NULL, &(struct timespec){0, 0}) > 0)
        ;
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev._sigev_un._tid = syscall(SYS_gettid);
    printf("thread id timer %d\n", timer_create(CLOCK_REALTIME, &ev, &t));
    it.it_value.tv_nsec = 10000000;
    got = 0;
    timer_settime(t, 0, &it, NULL);
    while (!got)
        usleep(5000);
    flush("timer, thread id");
    timer_delete(t);
    struct itimerval v = {{0, 0}, {0, 20000}};
    got = 0;
    setitimer(ITIMER_VIRTUAL, &v, NULL);
    for (volatile int k = 0; !got; k++)
        ;
    flush("ITIMER_VIRTUAL");
    printf("alarm %u", alarm(100));
    printf(" %u\n", alarm(0));
}

static void masks(void)
{
    sigset_t blocked = mk(SIGUSR1, SIGUSR2, 0), none = mk(0, 0, 0), only2 = mk(SIGUSR1, 0, 0);
    struct timespec ts = {5, 0};
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    printf("sigsuspend %d %s", sigsuspend(&none), strerrorname_np(errno));
    flush("");
    raise(SIGUSR1);
    printf("ppoll %d %s", ppoll(NULL, 0, &ts, &none), strerrorname_np(errno));
    flush("");
    raise(SIGUSR2);
    raise(SIGUSR1);
    printf("pselect %d %s", pselect(0, NULL, NULL, NULL, &ts, &only2), strerrorname_np(errno));
    flush("");
    int ep = epoll_create1(0);
    struct epoll_event e;
    printf("epoll_pwait %d %s", epoll_pwait(ep, &e, 1, 5000, &none), strerrorname_np(errno));
    flush("");
    raise(SIGUSR1);
    ts = (struct timespec){0, 1000000};
    printf("ppoll, blocked %d", ppoll(NULL, 0, &ts, &blocked));
    flush("");
    sigset_t p;
    sigpending(&p);
    printf("pending %d %d\n", sigismember(&p, SIGUSR1), sigismember(&p, SIGUSR2));
    int fd = signalfd(-1, &blocked, SFD_NONBLOCK);
    struct signalfd_siginfo si;
    printf("signalfd %d", (int)read(fd, &si, sizeof si));
    printf(" signo %d code %d pid %d\n", si.ssi_signo, si.ssi_code, si.ssi_pid == getpid());
    union sigval v = {.sival_int = 4711};
    sigqueue(getpid(), SIGUSR2, v);
    read(fd, &si, sizeof si);
    printf("signalfd queue: signo %d code %d int %d ptr %x\n", si.ssi_signo, si.ssi_code, si.ssi_int, (unsigned)si.ssi_ptr);
    printf("empty %d %s\n", (int)read(fd, &si, sizeof si), strerrorname_np(errno));
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    static const int sync[] = {SIGSEGV, SIGBUS, SIGTRAP, SIGFPE, SIGILL};
    for (int k = 0; k < 5; k++) { /* those that a fault raises too */
        sigset_t s = mk(sync[k], 0, 0);
        siginfo_t i;
        struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
        sigaction(sync[k], &sa, NULL);
        sigprocmask(SIG_BLOCK, &s, NULL);
        raise(sync[k]);
        sigpending(&p);
        printf("%d pending %d", sync[k], sigismember(&p, sync[k]));
        printf(" sigwaitinfo %d code %d", sigwaitinfo(&s, &i), i.si_code);
        raise(sync[k]);
        printf(" sigsuspend %d", sigsuspend(&none));
        raise(sync[k]);
        sigprocmask(SIG_UNBLOCK, &s, NULL);
        flush("");
    }
}

static volatile int spins;
static void *spin(void *a)
{
    while (!spins)
        ;
    return NULL;
}

/* A terminal's job control: ^Z, ^C, background writes with TOSTOP. */
static void jobs(void)
{
    int m, s, st;
    struct termios t;
    if (openpty(&m, &s, NULL, NULL, NULL)) {
        printf("no pty\n");
        return;
    }
    tcgetattr(s, &t);
    t.c_lflag |= TOSTOP | ISIG;
    t.c_lflag &= ~ECHO;
    tcsetattr(s, TCSANOW, &t);
    pid_t leader = fork();
    if (!leader) {
        setsid();
        ioctl(s, TIOCSCTTY, 0);
        dup2(s, 0);
        signal(SIGTTOU, SIG_IGN);
        pid_t job = fork();
        if (!job) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_DFL);
            for (int k = 0; k < 1000; k++)
                usleep(10000);
            _exit(9);
        }
        setpgid(job, job);
        tcsetpgrp(s, job);
        usleep(50000);
        write(m, "\x1a", 1);
        waitpid(job, &st, WUNTRACED);
        printf("^Z: stopped %d by %d\n", WIFSTOPPED(st), WIFSTOPPED(st) ? WSTOPSIG(st) : 0);
        kill(-job, SIGCONT);
        waitpid(job, &st, WCONTINUED);
        printf("continued %d\n", WIFCONTINUED(st));
        write(m, "\x03", 1);
        waitpid(job, &st, 0);
        printf("^C: signal %d\n", WIFSIGNALED(st) ? WTERMSIG(st) : 0);
        tcsetpgrp(s, getpid());
        job = fork();
        if (!job) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_DFL);
            write(s, "x", 1);
            _exit(5);
        }
        waitpid(job, &st, WUNTRACED);
        printf("background write: stopped %d by %d\n", WIFSTOPPED(st), WIFSTOPPED(st) ? WSTOPSIG(st) : 0);
        kill(job, SIGKILL);
        waitpid(job, &st, 0);
        job = fork();
        if (!job) {
            char c;
            setpgid(0, 0);
            read(s, &c, 1);
            _exit(5);
        }
        waitpid(job, &st, WUNTRACED);
        printf("background read: stopped %d by %d\n", WIFSTOPPED(st), WIFSTOPPED(st) ? WSTOPSIG(st) : 0);
        kill(job, SIGKILL);
        fflush(stdout);
        _exit(0);
    }
    waitpid(leader, NULL, 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    static const int sigs[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGALRM, SIGVTALRM};
    for (int i = 0; i < 5; i++)
        sigaction(sigs[i], &sa, NULL);
    for (int i = 0; i < 6; i++)
        sigaction(SIGRTMIN + i, &sa, NULL);
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    send_many();
    sigprocmask(SIG_SETMASK, &old, NULL);
    flush("queued, frames nested");
    sigfillset(&sa.sa_mask);
    for (int i = 0; i < 5; i++)
        sigaction(sigs[i], &sa, NULL);
    for (int i = 0; i < 6; i++)
        sigaction(SIGRTMIN + i, &sa, NULL);
    sigprocmask(SIG_SETMASK, &all, &old);
    send_many();
    sigprocmask(SIG_SETMASK, &old, NULL);
    flush("queued, one by one");
    sigprocmask(SIG_SETMASK, &all, &old);
    send_many();
    sigset_t w = mk(SIGRTMIN + 4, SIGRTMIN + 1, SIGUSR1);
    siginfo_t i;
    while (sigtimedwait(&w, &i, &(struct timespec){0, 0}) > 0)
        printf(" %d/%d", i.si_signo, i.si_value.sival_int);
    printf("\n");
    sigprocmask(SIG_SETMASK, &old, NULL);
    flush("the rest");
    masks();
    timers();
    children();
    jobs();
    return 0;
}
