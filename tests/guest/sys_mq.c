/* POSIX message queues: attributes, order by priority, limits, timeouts in both widths, notices. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char name[64];

static void show(const char *what, long r)
{
    if (r < 0)
        printf("%s %s\n", what, strerrorname_np(errno));
    else
        printf("%s %ld\n", what, r);
}

static void attributes(int q)
{
    struct { long flags, maxmsg, msgsize, curmsgs, r[4]; } a;
    memset(&a, 0xa5, sizeof a);
    show("getattr", syscall(SYS_mq_getsetattr, q, 0, &a));
    printf("%lx %ld %ld %ld %lx\n", a.flags, a.maxmsg, a.msgsize, a.curmsgs, a.r[3]);
    a.flags = O_NONBLOCK;
    show("setattr", syscall(SYS_mq_getsetattr, q, &a, &a));
    printf("%lx\n", a.flags);
    show("getattr", syscall(SYS_mq_getsetattr, q, 0, &a));
    printf("%lx %ld\n", a.flags, a.curmsgs);
    a.flags = 1;
    show("setattr 1", syscall(SYS_mq_getsetattr, q, &a, 0));
    show("setattr bad", syscall(SYS_mq_getsetattr, q, 16, 0));
    show("getattr bad fd", syscall(SYS_mq_getsetattr, -1, 0, &a));
}

static void messages(int q)
{
    char buf[64];
    unsigned prio = 7;
    static const unsigned prios[] = {1, 5, 3, 5};
    for (int i = 0; i < 4; i++) {
        snprintf(buf, sizeof buf, "message %d", i);
        show("send", syscall(SYS_mq_timedsend, q, buf, strlen(buf) + 1, prios[i], 0));
    }
    show("send full", syscall(SYS_mq_timedsend, q, buf, 1, 0, 0));
    show("send long", syscall(SYS_mq_timedsend, q, buf, 65, 0, 0));
    show("send priority", syscall(SYS_mq_timedsend, q, buf, 1, 32768, 0));
    show("receive short", syscall(SYS_mq_timedreceive, q, buf, 10, &prio, 0));
    for (int i = 0; i < 4; i++) {
        show("receive", syscall(SYS_mq_timedreceive, q, buf, 64, &prio, 0));
        printf("%s, priority %u\n", buf, prio);
    }
    show("receive empty", syscall(SYS_mq_timedreceive, q, buf, 64, &prio, 0));
}

static void timeouts(int q)
{
    char buf[64];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int32_t t32[2] = {now.tv_sec, now.tv_nsec}, bad32[2] = {0, 1000000000};
    int64_t t64[2] = {now.tv_sec, now.tv_nsec};
    ((int32_t *)t64)[3] = 0x5a5a5a5a; /* padding */
    show("receive timeout", syscall(SYS_mq_timedreceive, q, buf, 64, 0, t32));
    show("receive timeout 64", syscall(SYS_mq_timedreceive_time64, q, buf, 64, 0, t64));
    show("receive bad timeout", syscall(SYS_mq_timedreceive, q, buf, 64, 0, bad32));
    show("receive timeout at 16", syscall(SYS_mq_timedreceive, q, buf, 64, 0, 16));
    show("receive to 16", syscall(SYS_mq_timedreceive, q, 16, 64, 0, t32));
    show("send from 16", syscall(SYS_mq_timedsend, q, 16, 1, 0, t32));
}

static volatile int got, value, code, owner;
static void handler(int sig, siginfo_t *i, void *u)
{
    got = sig, value = i->si_value.sival_int, code = i->si_code, owner = i->si_pid == getpid();
}

static void notices(int q)
{
    struct { int value, signo, notify, pad[13]; } ev = {0x12345678, SIGUSR1, SIGEV_SIGNAL, {0}};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, NULL);
    show("notify", syscall(SYS_mq_notify, q, &ev));
    show("notify again", syscall(SYS_mq_notify, q, &ev));
    show("send", syscall(SYS_mq_timedsend, q, "x", 1, 0, 0));
    printf("signal %d value %x code %d own %d\n", got == SIGUSR1, value, code, owner);
    ev.notify = 9;
    show("notify bad", syscall(SYS_mq_notify, q, &ev));
    show("notify at 16", syscall(SYS_mq_notify, q, 16));
    show("notify none", syscall(SYS_mq_notify, q, 0));
}

static int threaded;
static void in_thread(union sigval v) { __atomic_store_n(&threaded, v.sival_int, __ATOMIC_SEQ_CST); }

static void thread_notice(mqd_t q)
{
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread};
    char buf[64];
    ev.sigev_value.sival_int = 77;
    mq_receive(q, buf, 64, NULL);
    show("notify by thread", mq_notify(q, &ev));
    show("send", mq_send(q, "y", 1, 0));
    for (int i = 0; i < 6000 && !__atomic_load_n(&threaded, __ATOMIC_SEQ_CST); i++)
        usleep(10000);
    printf("thread got %d\n", threaded);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    snprintf(name, sizeof name, "xrunmq%d", (int)getpid());
    struct { long flags, maxmsg, msgsize, curmsgs, r[4]; } a = {0, 4, 64, 0, {0}};
    show("open none", syscall(SYS_mq_open, name, O_RDWR, 0600, 0));
    show("open bad attr", syscall(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, 16));
    a.maxmsg = -1;
    show("open negative", syscall(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, &a));
    a.maxmsg = 4;
    int q = syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &a);
    printf("open %d\n", q >= 0);
    printf("cloexec %d\n", fcntl(q, F_GETFD));
    show("open twice", syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
    timeouts(q);
    attributes(q);
    messages(q);
    notices(q);
    thread_notice(q);
    show("unlink", syscall(SYS_mq_unlink, name));
    show("unlink", syscall(SYS_mq_unlink, name));
    return 0;
}
