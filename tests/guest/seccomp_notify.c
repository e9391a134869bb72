/* seccomp user notification: what a listener sees of a call, each kind of answer, descriptors that it
 * puts into the other process, signals meanwhile, and the end of those it listens to. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALL = 400 + 0x10000 }; /* no such call */

static void say(const char *what, long r)
{
    printf("%s: %ld%s%s\n", what, r < 0 ? -1 : r, r < 0 ? " " : "", r < 0 ? strerror(errno) : "");
    fflush(stdout);
}

static int filter(unsigned nr, unsigned flags)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {sizeof f / sizeof *f, f};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}

static void handler(int sig) { say("handler", sig); }

/* The process that is listened to. */
static void asks(void)
{
    struct sigaction sa = {.sa_handler = handler};
    sigaction(SIGUSR1, &sa, NULL);
    for (int i = 0; i < 6; i++)
        say("answer", syscall(CALL, 0x11111111 * i, -2, 3, 4, 5, 6));
    say("getppid is its own", syscall(SYS_getppid) == getppid());
    char c = 0;
    int fd = syscall(CALL, 1);
    say("read", read(fd, &c, 1));
    printf("%c\n", c);
    execl("/proc/self/exe", "seccomp_notify", "again", NULL);
}

static struct seccomp_notif take(int l)
{
    struct seccomp_notif n;
    memset(&n, 0, sizeof n);
    if (ioctl(l, SECCOMP_IOCTL_NOTIF_RECV, &n))
        say("receive", -1);
    return n;
}

static int answer(int l, uint64_t id, long long val, int error, unsigned flags)
{
    struct seccomp_notif_resp a = {.id = id, .val = val, .error = error, .flags = flags};
    return ioctl(l, SECCOMP_IOCTL_NOTIF_SEND, &a);
}

static void listen_to(int l, int pid)
{
    static const struct { long long val; int error; } with[] = {
        {42, 0}, {0, -EXDEV}, {-7, 0}, {0x123456789LL, 0}, {0, -512}};
    struct pollfd p = {l, POLLIN | POLLOUT, 0};
    for (int i = 0; i < 5; i++) {
        struct seccomp_notif n = take(l);
        const struct seccomp_data *d = &n.data;
        printf("%d: nr %d arch %x flags %x args %llx %llx %llx %llx %llx %llx pid %d\n", i, d->nr, d->arch,
               n.flags, d->args[0], d->args[1], d->args[2], d->args[3], d->args[4], d->args[5],
               (int)n.pid == pid);
        poll(&p, 1, -1);
        printf("poll %x, valid %d\n", p.revents, ioctl(l, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
        say("answered", answer(l, n.id, with[i].val, with[i].error, 0));
    }
    struct seccomp_notif n = take(l);
    kill(pid, SIGUSR1); /* ends the call */
    while (!ioctl(l, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id))
        usleep(1000);
    say("too late", answer(l, n.id, 0, 0, 0));
    n = take(l);
    int pipefd[2];
    pipe(pipefd);
    write(pipefd[1], "x", 1);
    struct seccomp_notif_addfd a = {.id = n.id, .srcfd = pipefd[0], .newfd = 77, .flags = SECCOMP_ADDFD_FLAG_SETFD};
    say("descriptor", ioctl(l, SECCOMP_IOCTL_NOTIF_ADDFD, &a));
    say("answered", answer(l, n.id, 77, 0, 0));
    n = take(l);
    say("to go on", answer(l, n.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    say("to go on", answer(l, n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    int status;
    waitpid(pid, &status, 0);
    printf("status %x\n", status);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        say("after execve", syscall(CALL, 1));
        return 5;
    }
    unsigned action = SECCOMP_RET_USER_NOTIF;
    say("available", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    say("killable without listener", filter(CALL, 32));
    say("with TSYNC", filter(CALL, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC));
    int control[2], pid = fork();
    if (pid == 0) { /* its child has the filter, it has not */
        int l, child;
        child = fork();
        if (child == 0) {
            l = filter(CALL, SECCOMP_FILTER_FLAG_NEW_LISTENER);
            if (l < 0)
                say("listener", l), _exit(1);
            say("second listener", filter(CALL + 1, SECCOMP_FILTER_FLAG_NEW_LISTENER));
            say("without listener", filter(CALL + 1, 0));
            say("nobody to ask", syscall(CALL + 1));
            printf("close on exec %d\n", fcntl(l, F_GETFD));
            fflush(stdout);
            pipe(control);
            int grandchild = fork();
            if (grandchild == 0) {
                dup2(control[1], 1); /* shown at the end */
                close(control[0]), close(control[1]);
                close(l);
                asks();
                _exit(1);
            }
            close(control[1]);
            listen_to(l, grandchild);
            char text[4096];
            int n = 0, k;
            while ((k = read(control[0], text + n, sizeof text - n)) > 0)
                n += k;
            printf("the other process:\n%.*s", n, text);
            fflush(stdout);
            _exit(3);
        }
        int status;
        waitpid(child, &status, 0);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return 0;
}
