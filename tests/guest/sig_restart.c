/* Interrupted system calls: for each blocking call what it returns when a handler without and with
 * SA_RESTART ran, and when the process was only stopped and continued. "again" means that the call
 * was restarted; the second signal's handler then makes it succeed. Another process sends them, whenever
 * the call sleeps. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "state.h"

/* What the process of the call tells the one that disturbs it, which tells when it let it continue. */
enum how { NOT, SIGNALS, STOP };
static struct shared {
    volatile enum how how;
    volatile int begun, done, alarms, sleep_ms;
    volatile double continued, ended;
} *shared;
static int go[2];
static int fds[2], sock[2], full[2], lsock, efd, tfd, epfd, infd, msq, sem, lockfd, ttfd;
static int *fut;
static pid_t child;
static char dir[64], fifo[96], path[96];

static void make_ready(void)
{
    struct { long type; char c; } m = {1, 'x'};
    struct sembuf sb = {0, 1, 0};
    char b[4096];
    write(fds[1], "x", 1);
    write(sock[1], "x", 1);
    read(full[0], b, sizeof b);
    read(full[0], b, sizeof b);
    uint64_t one = 1;
    write(efd, &one, 8);
    msgsnd(msq, &m, 1, IPC_NOWAIT);
    semop(sem, &sb, 1);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    timerfd_settime(tfd, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL);
    *fut = 1;
    syscall(SYS_futex, fut, FUTEX_WAKE, 10, NULL, NULL, 0);
}

static void on_alarm(int sig)
{
    int e = errno;
    if (++shared->alarms == 2)
        make_ready();
    errno = e;
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void drain(void)
{
    char b[8192];
    while (read(fds[0], b, sizeof b) > 0)
        ;
    while (recv(sock[0], b, sizeof b, MSG_DONTWAIT) > 0)
        ;
    while (read(efd, b, 8) > 0)
        ;
    struct { long type; char c[16]; } m;
    while (msgrcv(msq, &m, 16, 0, IPC_NOWAIT) >= 0)
        ;
    semctl(sem, 0, SETVAL, 0);
    struct flock l = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    flock(lockfd, LOCK_UN);
    fcntl(lockfd, F_SETLK, &l);
    while (read(infd, b, sizeof b) > 0)
        ;
    memset(b, 'f', sizeof b);
    while (write(full[1], b, 4096) > 0)
        ;
    unlink(path);
    *fut = 0;
}

static void nonblock(int on)
{
    int l[] = {fds[0], efd, infd, full[1]};
    for (unsigned i = 0; i < 4; i++)
        fcntl(l[i], F_SETFL, on ? O_NONBLOCK : 0);
}

typedef long (*fn)(void);
static char buf[4096];
static long f_read(void) { return read(fds[0], buf, 1); }
static long f_readv(void) { struct { void *p; size_t n; } v = {buf, 1}; return syscall(SYS_readv, fds[0], &v, 1); }
static long f_write(void) { return write(full[1], buf, 4096); }
static long f_recv(void) { return recv(sock[0], buf, 1, 0); }
static long f_recv_timeo(void)
{
    struct timeval tv = {100, 0}, z = {0, 0};
    setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    long r = recv(sock[0], buf, 1, 0);
    int e = errno;
    setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &z, sizeof z);
    errno = e;
    return r;
}
static long f_recvmsg(void)
{
    struct iovec v = {buf, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return recvmsg(sock[0], &m, 0);
}
static long f_accept(void)
{
    struct timeval tv = {100, 0};
    setsockopt(lsock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    return accept(lsock, NULL, NULL);
}
static long f_eventfd(void) { return read(efd, buf, 8); }
static long f_timerfd(void)
{
    struct itimerspec it = {{0, 0}, {100, 0}};
    timerfd_settime(tfd, 0, &it, NULL);
    return read(tfd, buf, 8);
}
static long f_inotify(void) { return read(infd, buf, sizeof buf) > 0 ? 1 : -1; }
static long f_wait4(void) { return wait4(child, NULL, 0, NULL) == child; }
static long f_waitid(void)
{
    siginfo_t i;
    return waitid(P_PID, child, &i, WEXITED);
}
static long f_poll(void) { struct pollfd p = {fds[0], POLLIN}; return poll(&p, 1, -1); }
static long f_poll_t(void) { struct pollfd p = {fds[0], POLLIN}; return poll(&p, 1, 100000); }
static long f_ppoll(void)
{
    struct pollfd p = {fds[0], POLLIN};
    struct timespec ts = {100, 0};
    return ppoll(&p, 1, &ts, NULL);
}
static long f_select(void)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(fds[0], &s);
    struct timeval tv = {100, 0};
    return select(fds[0] + 1, &s, NULL, NULL, &tv);
}
static long f_pselect(void)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(fds[0], &s);
    return pselect(fds[0] + 1, &s, NULL, NULL, NULL, NULL);
}
static long f_epoll(void) { struct epoll_event e; return epoll_wait(epfd, &e, 1, 100000); }
static struct timespec sleep_time(void) { return (struct timespec){shared->sleep_ms / 1000, shared->sleep_ms % 1000 * 1000000}; }
static long f_nanosleep(void)
{
    struct timespec ts = sleep_time();
    return nanosleep(&ts, NULL);
}
static long f_nanosleep_rem(void)
{
    struct timespec ts = sleep_time(), rem = {999, 9};
    long r = syscall(SYS_nanosleep, &ts, &rem);
    int e = errno;
    if (r && (rem.tv_sec >= ts.tv_sec || rem.tv_sec < ts.tv_sec / 4))
        printf("(rem %ld.%09ld)", (long)rem.tv_sec, rem.tv_nsec);
    errno = e;
    return r;
}
static long f_clock_abs(void)
{
    struct timespec ts, length = sleep_time();
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += length.tv_sec;
    ts.tv_nsec += length.tv_nsec;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    return errno ? -1 : 0;
}
static long f_futex(void) { return syscall(SYS_futex, fut, FUTEX_WAIT, 0, NULL, NULL, 0); }
static long f_futex_t(void)
{
    struct timespec ts = {100, 0};
    return syscall(SYS_futex, fut, FUTEX_WAIT, 0, &ts, NULL, 0);
}
static long f_futex_bitset(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += 100;
    return syscall(SYS_futex, fut, FUTEX_WAIT_BITSET, 0, &ts, NULL, 1);
}
static long f_sigtimedwait(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    struct timespec ts = {100, 0};
    return sigtimedwait(&s, NULL, &ts);
}
static long f_sigsuspend(void) { sigset_t s; sigemptyset(&s); return sigsuspend(&s); }
static long f_pause(void) { return pause(); }
static long f_msgrcv(void) { struct { long t; char c[16]; } m; return msgrcv(msq, &m, 16, 0, 0); }
static long f_semop(void) { struct sembuf b = {0, -1, 0}; return semop(sem, &b, 1); }
static long f_semtimedop(void)
{
    struct sembuf b = {0, -1, 0};
    struct timespec ts = {100, 0};
    return semtimedop(sem, &b, 1, &ts);
}
static long f_flock(void) { return flock(lockfd, LOCK_EX); }
static long f_setlkw(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(lockfd, F_SETLKW, &l);
}
static long f_open_fifo(void)
{
    int fd = open(fifo, O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 1;
}
static long f_connect(void)
{
    struct sockaddr_un a = {AF_UNIX};
    strcpy(a.sun_path, dir);
    strcat(a.sun_path, "/s");
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct timeval tv = {100, 0};
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    long r = connect(s, (void *)&a, sizeof a);
    int e = errno;
    close(s);
    errno = e;
    return r;
}
static long f_signalfd(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN + 3);
    int fd = signalfd(-1, &s, 0);
    long r = read(fd, buf, 128);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}

/* A child that makes what the handler cannot: exits, unlocks, opens, as soon as `go` says so. */
enum { NONE, EXIT, LOCK, PLOCK, FIFO, SIGNAL, TIMED /* no child: only time ends it */ };
static void start_helper(int kind)
{
    int p[2];
    char c;
    child = 0;
    if (kind == NONE || kind == TIMED)
        return;
    pipe(p);
    child = fork();
    if (child) {
        close(p[1]);
        read(p[0], &c, 1);
        close(p[0]);
        return;
    }
    int l = -1;
    strcpy(buf, dir);
    strcat(buf, "/lock");
    if (kind == LOCK || kind == PLOCK)
        l = open(buf, O_RDWR | O_CREAT, 0600);
    struct flock lk = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (kind == LOCK)
        flock(l, LOCK_EX);
    if (kind == PLOCK)
        fcntl(l, F_SETLK, &lk);
    write(p[1], "x", 1);
    read(go[0], &c, 1);
    if (kind == FIFO)
        open(fifo, O_WRONLY | O_NONBLOCK);
    if (kind == SIGNAL)
        kill(getppid(), SIGRTMIN + 3);
    _exit(0);
}

static void end_helper(void)
{
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static const struct { const char *name; fn f; int helper; } calls[] = {
    {"read", f_read}, {"readv", f_readv}, {"write", f_write}, {"recv", f_recv},
    {"recv, SO_RCVTIMEO", f_recv_timeo}, {"recvmsg", f_recvmsg}, {"accept, SO_RCVTIMEO", f_accept},
    {"eventfd", f_eventfd}, {"timerfd", f_timerfd}, {"inotify", f_inotify},
    {"wait4", f_wait4, EXIT}, {"waitid", f_waitid, EXIT}, {"poll", f_poll}, {"poll, timeout", f_poll_t},
    {"ppoll", f_ppoll}, {"select", f_select}, {"pselect", f_pselect}, {"epoll_wait", f_epoll},
    {"nanosleep", f_nanosleep, TIMED}, {"nanosleep, rem", f_nanosleep_rem, TIMED}, {"clock_nanosleep, abs", f_clock_abs, TIMED},
    {"futex", f_futex}, {"futex, timeout", f_futex_t}, {"futex, bitset", f_futex_bitset},
    {"sigtimedwait", f_sigtimedwait}, {"sigsuspend", f_sigsuspend}, {"pause", f_pause},
    {"msgrcv", f_msgrcv}, {"semop", f_semop}, {"semtimedop", f_semtimedop},
    {"flock", f_flock, LOCK}, {"fcntl F_SETLKW", f_setlkw, PLOCK}, {"open fifo", f_open_fifo, FIFO},
    {"connect, SO_SNDTIMEO", f_connect}, {"signalfd", f_signalfd, SIGNAL},
};

/* Until the call sleeps: true; false if it is over. */
static int asleep(pid_t pid)
{
    for (int n = 0; n < 3; usleep(2000)) {
        if (shared->done)
            return 0;
        n = shared->begun && state_of(pid, pid) == 'S' ? n + 1 : 0;
    }
    return 1;
}

static void signals(pid_t pid, int helper)
{
    for (int k = 1; k <= 2 && asleep(pid); k++) {
        kill(pid, SIGALRM);
        while (shared->alarms < k)
            usleep(1000);
    }
    if (asleep(pid) && helper)
        write(go[1], "x", 1);
}

/* Stopped and continued in the middle: no handler runs. */
static void stop(pid_t pid, int helper)
{
    asleep(pid);
    usleep(shared->sleep_ms * 2 / 3 * 1000);
    kill(pid, SIGSTOP);
    wait_state(pid, pid, "T");
    shared->continued = now();
    kill(pid, SIGCONT);
    if (helper == TIMED || !asleep(pid))
        return;
    make_ready();
    if (helper)
        write(go[1], "x", 1);
    else if (asleep(pid))
        kill(pid, SIGUSR1); /* for those that only a handler ends */
}

static pid_t start_disturber(int i)
{
    pid_t me = getpid(), pid = fork();
    if (pid)
        return pid;
    for (;; usleep(1000)) {
        enum how how = shared->how;
        if (how == NOT)
            continue;
        (how == SIGNALS ? signals : stop)(me, calls[i].helper);
        shared->how = NOT;
    }
}

/* What the call returns, while the other process disturbs it; errno in *e. */
static long disturbed(int i, enum how how, int *e)
{
    nonblock(1);
    drain();
    nonblock(0);
    *shared = (struct shared){.sleep_ms = calls[i].helper != TIMED ? 0 : how == STOP ? 1200 : 100000};
    start_helper(calls[i].helper);
    shared->how = how;
    shared->begun = 1;
    errno = 0;
    long r = calls[i].f();
    *e = errno;
    shared->ended = now();
    shared->done = 1;
    while (shared->how != NOT)
        usleep(1000);
    end_helper();
    return r;
}

static void one(int i, int flags)
{
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = flags};
    int e;
    sigaction(SIGALRM, &sa, NULL);
    long r = disturbed(i, SIGNALS, &e);
    printf(" %s=%ld%s%s %s;", flags ? "restart" : "plain", r, r < 0 ? " " : "",
           r < 0 ? strerrorname_np(e) : "", shared->alarms > 1 ? "again" : shared->alarms ? "once" : "none");
}

static void stopped(int i)
{
    int e, tries = 0, late;
    long r;
    do { /* a slow machine is late, too */
        r = disturbed(i, STOP, &e);
        late = shared->sleep_ms && shared->ended > shared->continued + shared->sleep_ms / 1000.0;
    } while (late && ++tries < 10);
    printf(" stop=%ld%s%s%s\n", r, r < 0 ? " " : "", r < 0 ? strerrorname_np(e) : "",
           !shared->continued ? " early" : late ? " late" : "");
}

static void usr1(int sig) {}

/* Everything a call needs; each call is tested in a process of its own. */
static struct sockaddr_un addr = {AF_UNIX};
static void setup(void)
{
    sigset_t s;
    strcpy(dir, "/tmp/sig_restartXXXXXX");
    mkdtemp(dir);
    sprintf(fifo, "%s/fifo", dir);
    sprintf(path, "%s/new", dir);
    mkfifo(fifo, 0600);
    sprintf(buf, "%s/lock", dir);
    lockfd = open(buf, O_RDWR | O_CREAT, 0600);
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN + 3);
    sigaddset(&s, SIGUSR2);
    sigprocmask(SIG_BLOCK, &s, NULL);
    struct sigaction sa = {.sa_handler = usr1, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, NULL);
    pipe(fds);
    pipe(full);
    pipe(go);
    socketpair(AF_UNIX, SOCK_STREAM, 0, sock);
    sprintf(addr.sun_path, "%s/s", dir);
    lsock = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(lsock, (void *)&addr, sizeof addr);
    listen(lsock, 0);
    efd = eventfd(0, 0);
    tfd = timerfd_create(CLOCK_MONOTONIC, 0);
    infd = inotify_init1(0);
    inotify_add_watch(infd, dir, IN_CREATE);
    epfd = epoll_create1(0);
    struct epoll_event ev = {EPOLLIN};
    epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &ev);
    msq = msgget(IPC_PRIVATE, 0600);
    sem = semget(IPC_PRIVATE, 1, 0600);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fut = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void cleanup(void)
{
    msgctl(msq, IPC_RMID, NULL);
    semctl(sem, 0, IPC_RMID);
    sprintf(buf, "%s/lock", dir);
    unlink(buf);
    sprintf(buf, "%s/s", dir);
    unlink(buf);
    unlink(path);
    unlink(fifo);
    rmdir(dir);
}

static void run(int i)
{
    setup();
    int conn = -1;
    if (calls[i].f == f_connect) { /* the queue is full */
        conn = socket(AF_UNIX, SOCK_STREAM, 0);
        connect(conn, (void *)&addr, sizeof addr);
    }
    pid_t disturber = start_disturber(i);
    printf("%s:", calls[i].name);
    one(i, 0);
    one(i, SA_RESTART);
    stopped(i);
    kill(disturber, SIGKILL);
    cleanup();
}

enum { COUNT = sizeof calls / sizeof *calls, AT_ONCE = 12 };

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOFBF, 4096);
    for (int i = 0; i < COUNT; i += AT_ONCE) {
        int out[AT_ONCE], n = COUNT - i < AT_ONCE ? COUNT - i : AT_ONCE;
        for (int k = 0; k < n; k++) {
            int p[2];
            pipe(p);
            out[k] = p[0];
            fflush(stdout);
            if (!fork()) {
                dup2(p[1], 1);
                run(i + k);
                fflush(stdout);
                _exit(0);
            }
            close(p[1]);
        }
        for (int k = 0; k < n; k++) {
            char b[512];
            ssize_t r;
            while ((r = read(out[k], b, sizeof b)) > 0)
                write(1, b, r);
            close(out[k]);
        }
        while (wait(NULL) > 0)
            ;
    }
    return 0;
}
