/* Sockets: control messages in the 32-bit layout and their truncation, time stamps, timeouts, filters,
 * multicast requests, several messages at once, socketcall, bad arguments.
 * needs: loopback */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void show(const char *what, long r)
{
    if (r < 0)
        printf("%s %s\n", what, strerrorname_np(errno));
    else
        printf("%s %ld\n", what, r);
}

static void send_fds(int s, int n)
{
    char buf[CMSG_SPACE(sizeof(int) * 8)] = "";
    struct iovec v = {"fds", 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = buf,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int) * n);
    for (int i = 0; i < n; i++)
        ((int *)CMSG_DATA(c))[i] = 0;
    show("send fds", sendmsg(s, &m, 0));
}

static void receive(int s, size_t room, int flags)
{
    unsigned char buf[512];
    char data[64] = "";
    struct iovec v = {data, 64};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? buf : NULL,
                       .msg_controllen = room};
    memset(buf, 0xa5, sizeof buf);
    long r = recvmsg(s, &m, flags);
    show("recvmsg", r);
    if (r < 0)
        return;
    printf("  flags %x controllen %zu", m.msg_flags, (size_t)m.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        printf(" [len %zu level %d type %d]", (size_t)c->cmsg_len, c->cmsg_level, c->cmsg_type);
        if (c->cmsg_type == SCM_RIGHTS && c->cmsg_level == SOL_SOCKET)
            for (unsigned i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / 4; i++)
                close(((int *)CMSG_DATA(c))[i]);
    }
    int end = 512;
    while (end && buf[end - 1] == 0xa5)
        end--;
    printf(" written %d\n", end);
}

static void control(void)
{
    int s[2], one = 1;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    static const size_t rooms[] = {0, 4, 12, 15, 16, 20, 24, 28, 64};
    for (unsigned i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        send_fds(s[0], 3);
        receive(s[1], rooms[i], MSG_CMSG_CLOEXEC);
    }
    int next = dup(0);
    printf("fds closed %d\n", next < 10);
    close(next);
    setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    send_fds(s[0], 1);
    receive(s[1], 128, 0);
    send(s[0], "x", 1, 0);
    receive(s[1], 16, 0);
    struct { struct cmsghdr h; int fd; } bad = {{11, SOL_SOCKET, SCM_RIGHTS}, 0};
    struct msghdr m = {.msg_control = &bad, .msg_controllen = sizeof bad};
    show("short cmsg", sendmsg(s[0], &m, 0));
    bad.h.cmsg_len = 400;
    show("long cmsg", sendmsg(s[0], &m, 0));
    bad.h.cmsg_len = 16, bad.fd = 999;
    show("bad fd", sendmsg(s[0], &m, 0));
    m.msg_control = (void *)16;
    show("control at 16", sendmsg(s[0], &m, 0));
    m.msg_control = NULL, m.msg_controllen = 0, m.msg_iovlen = 1025;
    show("1025 vectors", sendmsg(s[0], &m, 0));
    m.msg_iovlen = 0, m.msg_name = (void *)16, m.msg_namelen = 4;
    show("name at 16", sendmsg(s[0], &m, 0));
    m.msg_namelen = -1;
    show("name length", sendmsg(s[0], &m, 0));
    show("sendmsg at 16", sendmsg(s[0], (void *)16, 0));
    show("sendmsg to file", sendmsg(0, &m, 0));
}

static void stamps(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    bind(s, (void *)&a, sizeof a);
    getsockname(s, (void *)&a, &n);
    static const struct { const char *name; int opt; } kinds[] = {
        {"timestamp old", 29}, {"timestampns old", 35}, {"timestamp new", 63}, {"timestampns new", 64}};
    for (int i = 0; i < 4; i++) {
        printf("%s\n", kinds[i].name);
        show("set", setsockopt(s, SOL_SOCKET, kinds[i].opt, &one, sizeof one));
        sendto(s, "stamp", 5, 0, (void *)&a, sizeof a);
        receive(s, 128, 0);
    }
    int32_t tv[3] = {0, 0, 0x5a5a5a5a};
    int64_t tv64[2] = {0, 0};
    sendto(s, "stamp", 5, 0, (void *)&a, sizeof a);
    char ch;
    recv(s, &ch, 1, 0);
    show("SIOCGSTAMP", ioctl(s, 0x8906, tv));
    printf("%d %x\n", tv[0] > 1000000000, tv[2]);
    show("SIOCGSTAMP_NEW", ioctl(s, 0x80108906, tv64));
    printf("%d\n", tv64[0] > 1000000000);
    show("pktinfo", setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
    sendto(s, "info", 4, 0, (void *)&a, sizeof a);
    receive(s, 256, 0);
}

static void options(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    int32_t tv[4] = {3, 250000, 0x5a5a5a5a, 0x5a5a5a5a};
    int64_t tv64[2] = {4, 500000};
    socklen_t n = sizeof tv;
    show("set RCVTIMEO", setsockopt(s, SOL_SOCKET, 20, tv, 8));
    show("set short", setsockopt(s, SOL_SOCKET, 20, tv, 7));
    show("set tiny", setsockopt(s, SOL_SOCKET, 20, tv, 3));
    show("set at 16", setsockopt(s, SOL_SOCKET, 20, (void *)16, 8));
    tv[1] = 1000000;
    show("set usec", setsockopt(s, SOL_SOCKET, 20, tv, 8));
    tv[0] = tv[1] = 0;
    show("get RCVTIMEO", getsockopt(s, SOL_SOCKET, 20, tv, &n));
    printf("%d %d %x %u\n", tv[0], tv[1] / 10000, tv[2], n);
    n = 4;
    show("get short", getsockopt(s, SOL_SOCKET, 20, tv, &n));
    printf("%u\n", n);
    n = -1;
    show("get negative", getsockopt(s, SOL_SOCKET, 20, tv, &n));
    show("set SNDTIMEO new", setsockopt(s, SOL_SOCKET, 67, tv64, 16));
    n = 16;
    show("get SNDTIMEO old", getsockopt(s, SOL_SOCKET, 21, tv, &n));
    printf("%d %d %u\n", tv[0], tv[1] / 10000, n);
    show("negative length", setsockopt(s, SOL_SOCKET, 20, tv, -1));

    struct sock_filter f[] = {BPF_STMT(BPF_RET | BPF_K, 2)};
    struct sock_fprog p = {1, f};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char buf[16];
    n = sizeof a;
    show("filter", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p));
    bind(s, (void *)&a, sizeof a);
    getsockname(s, (void *)&a, &n);
    sendto(s, "filtered", 8, 0, (void *)&a, sizeof a);
    show("received", recv(s, buf, sizeof buf, 0));
    show("filter short", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, 4));
    p.filter = (void *)16;
    show("filter at 16", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p));
    show("detach", setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &p, sizeof(int)));
}

static void multicast(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct group_req g = {0};
    struct group_source_req src = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xe0000164)};
    printf("sizes %zu %zu\n", sizeof g, sizeof src);
    g.gr_interface = 1;
    memcpy(&g.gr_group, &a, sizeof a);
    show("join", setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g));
    show("join again", setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g));
    show("leave", setsockopt(s, IPPROTO_IP, MCAST_LEAVE_GROUP, &g, sizeof g));
    show("short", setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g - 1));
    show("at 16", setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, (void *)16, sizeof g));
    src.gsr_interface = 1;
    memcpy(&src.gsr_group, &a, sizeof a);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&src.gsr_source, &a, sizeof a);
    show("join source", setsockopt(s, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &src, sizeof src));
    struct group_filter *f = calloc(1, GROUP_FILTER_SIZE(4));
    socklen_t n = GROUP_FILTER_SIZE(4);
    f->gf_interface = 1;
    memcpy(&f->gf_group, &src.gsr_group, sizeof f->gf_group);
    f->gf_numsrc = 4;
    show("filter", getsockopt(s, IPPROTO_IP, MCAST_MSFILTER, f, &n));
    printf("%u mode %u sources %u first %x\n", n, f->gf_fmode, f->gf_numsrc,
           ntohl(((struct sockaddr_in *)&f->gf_slist[0])->sin_addr.s_addr));
}

static void several(void)
{
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    struct mmsghdr m[4];
    struct iovec v[4];
    char buf[4][8];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){(char *)"12345678" + i, 8 - i};
        m[i].msg_hdr.msg_iov = &v[i], m[i].msg_hdr.msg_iovlen = 1;
    }
    show("sendmmsg", sendmmsg(s[0], m, 4, 0));
    printf("%u %u %u %u\n", m[0].msg_len, m[1].msg_len, m[2].msg_len, m[3].msg_len);
    for (int i = 0; i < 4; i++)
        v[i] = (struct iovec){buf[i], 6};
    int32_t t32[2] = {1, 0};
    int64_t t64[2] = {1, (int64_t)0x77 << 32};
    show("recvmmsg", syscall(SYS_recvmmsg, s[1], m, 2, MSG_DONTWAIT, t32));
    printf("%u %x %d\n", m[0].msg_len, m[0].msg_hdr.msg_flags, t32[0] == 0 && t32[1] > 0);
    show("recvmmsg 64", syscall(SYS_recvmmsg_time64, s[1], m, 4, MSG_DONTWAIT, t64));
    printf("%u %d\n", m[1].msg_len, t64[0] == 0 && t64[1] > 0);
    show("none", syscall(SYS_recvmmsg, s[1], m, 4, MSG_DONTWAIT, 0));
    t32[1] = -1;
    show("bad time", syscall(SYS_recvmmsg, s[1], m, 4, MSG_DONTWAIT, t32));
    show("time at 16", syscall(SYS_recvmmsg, s[1], m, 4, MSG_DONTWAIT, 16));
    show("zero", syscall(SYS_recvmmsg, s[1], m, 0, MSG_DONTWAIT, 0));
    show("zero of a file", syscall(SYS_recvmmsg, 0, m, 0, MSG_DONTWAIT, 0));
    m[1].msg_hdr.msg_iov = (void *)16;
    show("second bad", sendmmsg(s[0], m, 2, 0));
    show("first bad", sendmmsg(s[0], m + 1, 1, 0));
}

static void calls(void)
{
    unsigned long a[6] = {AF_UNIX, SOCK_STREAM, 0};
    show("socketcall 0", syscall(SYS_socketcall, 0, a));
    show("socketcall 21", syscall(SYS_socketcall, 21, a));
    show("socketcall at 16", syscall(SYS_socketcall, 1, 16));
    long s = syscall(SYS_socketcall, 1, a);
    printf("socket %d\n", s > 2);
    struct sockaddr_un u = {AF_UNIX, ""}, back;
    socklen_t n = sizeof back;
    snprintf(u.sun_path, sizeof u.sun_path, "/tmp/xrunsock%08d", (int)getpid());
    a[0] = s, a[1] = (unsigned long)&u, a[2] = sizeof u;
    show("bind", syscall(SYS_socketcall, 2, a));
    show("bind twice", syscall(SYS_bind, s, &u, sizeof u));
    show("bind length", syscall(SYS_bind, s, &u, -1));
    show("bind at 16", syscall(SYS_bind, s, 16, 110));
    show("listen", listen(s, 1));
    show("getsockname", getsockname(s, (void *)&back, &n));
    printf("%u %d\n", n, !strcmp(back.sun_path, u.sun_path));
    n = 5;
    show("getsockname 5", getsockname(s, (void *)&back, &n));
    printf("%u\n", n);
    n = -1;
    show("getsockname -1", getsockname(s, (void *)&back, &n));
    show("getpeername", getpeername(s, (void *)&back, &n));
    int c = socket(AF_UNIX, SOCK_STREAM, 0);
    show("connect", connect(c, (void *)&u, sizeof u));
    n = sizeof back;
    show("accept flags", accept4(s, NULL, NULL, 1) < 0 ? -1 : 0);
    int d = accept4(s, (void *)&back, &n, SOCK_CLOEXEC);
    printf("accept %d len %u\n", d > 2, n);
    show("getpeername", (n = sizeof back, getpeername(c, (void *)&back, &n)));
    printf("%d\n", !strcmp(back.sun_path, u.sun_path));
    unlink(u.sun_path);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    control();
    stamps();
    options();
    multicast();
    several();
    calls();
    return 0;
}
