/* One of nearly every kind of argument, to compare xrun --strace with strace. What the calls do does not
 * matter; the results must be the same on any machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <time.h>
#include <utime.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/file.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
static void handler(int s)
{
}

/* Fixed addresses, so that two runs have the same. */
#define B(n) ((void *)0x40000000 + (n))

int main(int argc, char **argv)
{
    int fd, p[2], sv[2], st;
    char *m = mmap((void *)0x40000000, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mkdir("d", 0755);
    chdir("d");
    fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    write(fd, "hello\n\1\2\"\\\3779", 12);
    write(fd, memset(m, 'x', 100), 100);
    lseek(fd, 0, SEEK_SET);
    read(fd, m, 64);
    read(fd, m, 0);
    read(99, m, 5);
    pread(fd, m, 3, 1);
    pwrite(fd, "ab", 2, 0);
    access("nofile", F_OK);
    access("f", R_OK | W_OK);
    faccessat(AT_FDCWD, "f", X_OK, 0);
    chmod("f", 0600);
    fchmod(fd, 0);
    umask(022);
    umask(0);
    truncate("f", 10);
    ftruncate(fd, 20);
    link("f", "g");
    symlink("f", "s");
    readlink("s", m, 20);
    readlink("f", m, 20);
    rename("g", "h");
    unlink("h");
    unlinkat(AT_FDCWD, "nodir", AT_REMOVEDIR);
    renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 1);
    linkat(AT_FDCWD, "f", AT_FDCWD, "l2", AT_SYMLINK_FOLLOW);
    mknod("fifo", S_IFIFO | 0600, 0);
    struct stat *sb = B(0);
    syscall(195, "f", sb);
    syscall(195, "/dev/null", sb);
    syscall(196, "s", sb);
    syscall(197, fd, sb);
    syscall(106, "f", sb);
    syscall(195, "none", sb);
    syscall(300, AT_FDCWD, "d", sb, 0x100);
    syscall(383, AT_FDCWD, "f", 0, 0x7ff, m);
    syscall(383, fd, "", 0x1000, 0x17ff, m);
    utimes("f", NULL);
    struct timeval tv[2] = {{1, 2}, {3, 4}};
    syscall(271, "f", tv);
    struct utimbuf ub = {1, 2};
    syscall(30, "f", &ub);
    struct timespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    syscall(320, AT_FDCWD, "f", ts, 0);
    syscall(320, fd, NULL, NULL, 0);
    chown("f", -1, -1);
    fchown(fd, -1, -1);
    dup(fd);
    dup2(fd, 20);
    dup3(fd, 21, O_CLOEXEC);
    close(21);
    fcntl(fd, F_GETFD);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND);
    fcntl(fd, F_DUPFD, 50);
    fcntl(fd, 99, 5);
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_GETOWN);
    fcntl(fd, F_SETSIG, SIGIO);
    fcntl(fd, F_GETSIG);
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
    fcntl(fd, F_GETLEASE);
    fcntl(fd, F_SETPIPE_SZ, 4096);
    struct flock64 fl = {F_RDLCK, SEEK_SET, 1, 2, 3};
    syscall(221, fd, 13, &fl);
    syscall(221, fd, 12, &fl);
    syscall(221, fd, 36, &fl);
    flock(fd, LOCK_EX | LOCK_NB);
    fsync(fd);
    fdatasync(fd);
    sync_file_range(fd, 0, 5, 7);
    posix_fadvise(fd, 0, 0, 2);
    fallocate(fd, 1, 0, 10);
    pipe(p);
    pipe2(p, O_NONBLOCK | O_CLOEXEC);
    struct iovec iov[2] = {{"ab", 2}, {"cde", 3}};
    writev(p[1], iov, 2);
    struct iovec ri[2] = {{m, 2}, {m + 8, 10}};
    readv(p[0], ri, 2);
    readv(p[0], ri, 2);
    struct pollfd pf[2] = {{p[0], POLLIN | POLLPRI}, {p[1], POLLOUT}};
    poll(pf, 2, 10);
    poll(pf, 1, 0);
    syscall(168, pf, 1, -5 & 0);
    poll(NULL, 0, 1);
    struct timespec t10 = {0, 1000000};
    syscall(309, pf, 1, &t10, NULL, 8);
    fd_set r;
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    FD_SET(p[1], &r);
    fd_set w = r;
    struct timeval tz = {0, 0};
    syscall(142, p[1] + 1, &r, &w, NULL, &tz);
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    syscall(142, p[1] + 1, &r, NULL, NULL, &tz);
    syscall(308, p[1] + 1, &r, NULL, NULL, &t10, NULL);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 0x500000007ll}};
    epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev);
    ev.events = EPOLLOUT;
    epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &ev);
    epoll_wait(ep, (void *)m, 4, 0);
    epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL);
    epoll_pwait(ep, (void *)m, 4, 0, NULL);
    epoll_create(5);
    eventfd(3, EFD_NONBLOCK);
    int tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec its = {{1, 2}, {30, 4}};
    syscall(325, tf, 0, &its, m);
    syscall(326, tf, m);
    sigset_t ss;
    sigemptyset(&ss);
    sigaddset(&ss, SIGUSR1);
    sigaddset(&ss, SIGRTMIN);
    signalfd(-1, &ss, SFD_CLOEXEC);
    sigprocmask(SIG_BLOCK, &ss, NULL);
    sigprocmask(SIG_SETMASK, &ss, &ss);
    sigfillset(&ss);
    sigprocmask(SIG_UNBLOCK, &ss, NULL);
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_SIGINFO};
    sigaddset(&sa.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGUSR1, NULL, &sa);
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    syscall(48, SIGUSR2, 0);
    sigpending(&ss);
    int in = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in, ".", IN_CREATE | IN_DELETE);
    inotify_rm_watch(in, 1);
    struct timespec req = {0, 1000};
    nanosleep(&req, NULL);
    nanosleep(&req, (void *)m);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &req, NULL);
    syscall(265, 1, m);
    syscall(266, 0, m);
    syscall(403, 1, m);
    syscall(78, m, NULL);
    syscall(78, m, m + 8);
    syscall(13, m);
    syscall(13, 0);
    alarm(100);
    alarm(0);
    struct itimerval it = {{0, 0}, {100, 0}};
    setitimer(ITIMER_REAL, &it, NULL);
    getitimer(ITIMER_REAL, (void *)m);
    it.it_value.tv_sec = 0;
    setitimer(ITIMER_REAL, &it, (void *)m);
    struct rlimit rl = {0, 0};
    getrusage(RUSAGE_SELF, (void *)m);
    uname((void *)m);
    getpid();
    getuid();
    getgid();
    setpgid(0, 0);
    prctl(PR_SET_NAME, "named");
    prctl(PR_GET_NAME, m);
    prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_GET_PDEATHSIG, m);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sched_yield();
    sched_getscheduler(0);
    struct sched_param sp = {0};
    sched_setscheduler(0, SCHED_OTHER, &sp);
    sched_getparam(0, (void *)m);
    sched_get_priority_max(SCHED_FIFO);
    syscall(161, 0, m);
    mmap(B(0x20000), 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 4096);
    mprotect(B(0), 4096, PROT_NONE);
    mprotect(B(0), 4096, 7);
    madvise(B(0), 4096, MADV_DONTNEED);
    mremap(B(0), 65536, 4096, 0);
    mremap(B(0), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, B(0x30000));
    mremap(B(0x30000), 4096, 4096, 3, B(0));
    msync(B(0), 4096, MS_SYNC);
    munmap(B(0x20000), 4096);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv);
    send(sv[0], "hi", 2, MSG_DONTWAIT);
    recv(sv[1], m, 10, MSG_PEEK);
    recvfrom(sv[1], m, 10, 0, NULL, NULL);
    recv(sv[1], m, 10, 0);
    shutdown(sv[0], SHUT_WR);
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, len = 4;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, 4);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, 4);
    getsockopt(s, SOL_SOCKET, SO_TYPE, m, memcpy(m + 20, &len, 4));
    getsockopt(s, SOL_SOCKET, SO_ERROR, m, m + 20);
    struct linger lg = {1, 2};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &lg, 8);
    struct sockaddr_in6 a6 = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT};
    int s6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    bind(s6, (void *)&a6, sizeof a6);
    len = 28;
    connect(s6, (void *)&a6, 5);
    struct sockaddr_un un = {AF_UNIX, "\0abs"};
    connect(sv[0], (void *)&un, 6);
    listen(s, 5);
    accept(s6, NULL, NULL);
    socket(AF_NETLINK, SOCK_RAW, 0);
    socket(77, 1, 77);
    ioctl(fd, FIONREAD, m);
    ioctl(fd, FIONBIO, &one);
    ioctl(fd, 0x12345678, 5);
    ioctl(fd, _IOC(_IOC_READ, 'z', 3, 16), m);
    ioctl(fd, FIOCLEX);
    syscall(240, m, FUTEX_WAKE_PRIVATE, 1);
    syscall(240, m, FUTEX_WAIT, 77, NULL);
    syscall(240, m, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t10, NULL, -1);
    syscall(240, m, FUTEX_CMP_REQUEUE, 1, 2, m + 8, 0);
    syscall(240, m, FUTEX_WAIT_PRIVATE, *(int *)m, &t10);
    syscall(240, m, 99, 1, 2, 3, 4);
    getcwd(m, 100);
    getrandom(m, 0, 0);
    syscall(9999, 1, 2, 3, 4, 5, 6);
    syscall(17);
    syscall(140, fd, 0, 5, m, SEEK_CUR);
    syscall(141, open(".", O_RDONLY | O_DIRECTORY), m, 4096);
    sigemptyset(&ss);
    sigaddset(&ss, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ss, NULL);
    if (!fork()) { _exit(3); } wait4(-1, &st, 0, (void *)m);
    if (!fork()) _exit(7);
    syscall(7, -1, &st, 0);
    if (!fork()) _exit(7);
    waitid(P_ALL, 0, (void *)m, WEXITED);
    wait4(-1, &st, WNOHANG | WUNTRACED, NULL);
    sigprocmask(SIG_UNBLOCK, &ss, NULL);
    memfd_create("mm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    syscall(355, m, 4, GRND_NONBLOCK | GRND_RANDOM);
    execve("nosuch", argv, NULL);
    char *av[] = {"a", "b", NULL};
    execve("nosuch2", av, av);
    open(NULL, O_RDONLY);
    open("x", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    openat(5, "x", O_TMPFILE | O_RDWR, 0600);
    creat("f", 0600);
    open((void *)1, 0);
    close(-1);
    chdir("nonexistent-directory-with-a-name-longer-than-32-characters-xxxxx");
    write(99, "0123456789012345678901234567890123456789", 40);
    write(99, m, 0);
    syscall(243, NULL);
    syscall(312, 0, m, m + 4);
    syscall(258, m);
    tgkill(getpid(), getpid(), 0);
    kill(0, 0);
    chdir("..");
    chdir("..");
    _exit(5);
}
