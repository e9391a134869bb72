/* Makes every known ioctl on descriptors of many kinds, with arguments of several forms, and prints what comes
 * back. None of them is a device or file that anyone else has, for some requests change it for good. Run
 * natively and under xrun, in namespaces of its own; the lines must be equal. The requests are in
 * requests_list.h, made by ioctl.sh. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { unsigned request; const char *name; } list[] = {
#include "requests_list.h"
};

/* Not comparable: they wait, hang up, read the clock, or hand out what differs from run to run. */
static int left_out(const char *name)
{
    static const char *const names[] = {"TIOCVHANGUP", "TIOCMIWAIT", "TCXONC", "TIOCSTI", "SIOCGSTAMP_NEW", "TIOCCONS",
                                        "SIOCGSKNS", "TUNGETDEVNETNS", "RNDGETENTCNT", "RNDADDTOENTCNT",
                                        "RNDADDENTROPY", "RNDRESEEDCRNG", "RNDCLEARPOOL", "RNDZAPENTCNT", "SIOCGSTAMPNS_NEW",
                                        "TIOCGPGRP", "TIOCGSID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return 1;
    return 0;
}

static unsigned char *page; /* an unmapped one follows */

static void fill(int form)
{
    memset(page, form == 2 ? 0x11 : 0, 4096);
    if (form == 1)
        strcpy((char *)page, "lo");
}

static unsigned sum(void)
{
    unsigned s = 2166136261u;
    for (int i = 0; i < 4096; i++)
        s = (s ^ page[i]) * 16777619u;
    return s;
}

static void try(const char *kind, int fd)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (left_out(list[i].name))
            continue;
        for (int form = 0; form < 4; form++) {
            fill(form);
            unsigned before = sum();
            void *arg = form == 3 ? page + 4096 : page;
            alarm(2);
            int r = ioctl(fd, list[i].request, arg), e = r < 0 ? errno : 0;
            alarm(0);
            if (e == ENOTTY)
                continue;
            if (r > 2) { /* a new descriptor? */
                struct stat st;
                if (fstat(r, &st) == 0 && r != fd)
                    close(r), r = 999;
            }
            unsigned after = sum();
            printf("%s %s %d: %d %s", kind, list[i].name, form, r, e ? strerrorname_np(e) : "");
            if (before != after) {
                printf(" wrote");
                int n = 0;
                for (int k = 0; k < 4096 && n < 64; k++)
                    if (page[k] != (form == 2 ? 0x11 : 0) && !(form == 1 && k < 2))
                        printf(" %d=%02x", k, page[k]), n++;
            }
            printf("\n");
        }
    }
}

static void on_alarm(int sig) { (void)sig; }

static void in_child(const char *kind, int (*open_it)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int fd = open_it();
        if (fd >= 0)
            try(kind, fd);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static int master = -1;
static int open_master(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    grantpt(master);
    unlockpt(master);
    return master;
}
static int open_slave(void)
{
    open_master();
    int fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK);
    ioctl(fd, TIOCSCTTY, 0);
    return fd;
}
static int open_udp(void) { return socket(AF_INET, SOCK_DGRAM, 0); }
static int open_udp6(void) { return socket(AF_INET6, SOCK_DGRAM, 0); }
static int open_tcp(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static int open_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static int open_unix(void)
{
    int sv[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
    return write(sv[1], "hello", 5) == 5 ? sv[0] : -1;
}
static int open_pipe(void)
{
    int p[2];
    pipe(p);
    return write(p[1], "abc", 3) == 3 ? p[0] : -1;
}
static int open_memfd(void)
{
    int fd = memfd_create("m", 0);
    return ftruncate(fd, 10000) ? -1 : fd;
}
static int open_ns(void) { return open("/proc/self/ns/net", O_RDONLY); }
static int open_random(void) { return open("/dev/urandom", O_RDONLY); }
static int open_null(void) { return open("/dev/null", O_RDWR); }
static int open_tun(void) { return open("/dev/net/tun", O_RDWR | O_NONBLOCK); }
static int open_event(void) { return eventfd(3, 0); }
static int open_timer(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }
static int open_epoll(void) { return epoll_create1(0); }

int main(void)
{
    signal(SIGALRM, SIG_IGN);
    struct sigaction sa = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &sa, NULL);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGIO, SIG_IGN);
    signal(SIGURG, SIG_IGN);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
        return 77; /* it changes interfaces */
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    in_child("pty master", open_master);
    in_child("pty slave", open_slave);
    in_child("udp", open_udp);
    in_child("udp6", open_udp6);
    in_child("tcp", open_tcp);
    in_child("packet", open_packet);
    in_child("unix", open_unix);
    in_child("pipe", open_pipe);
    in_child("memfd", open_memfd);
    in_child("namespace", open_ns);
    in_child("random", open_random);
    in_child("null", open_null);
    in_child("tun", open_tun);
    in_child("eventfd", open_event);
    in_child("timerfd", open_timer);
    in_child("epoll", open_epoll);
    return 0;
}
