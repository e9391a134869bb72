/* Sockets: direct calls and socketcall. Addresses have one layout everywhere; messages, control
 * data and a few options do not. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "syscalls/priv.h"

enum { IOV_LIMIT = 1024, CONTROL_MAX = 64 << 10, SO_RCVTIMEO_OLD_ = 20, SO_SNDTIMEO_OLD_ = 21,
       SO_ATTACH_FILTER_ = 26 };

/* AF_UNIX paths below a sysroot. Returns the address to use and its length. */
static const void *map_address(uint32_t addr, uint32_t *len, struct sockaddr_un *un)
{
    if (*len > sizeof *un || *len < 3 || mem_read(un, addr, *len) || un->sun_family != AF_UNIX ||
        un->sun_path[0] != '/')
        return mem_host(addr);
    char path[sizeof un->sun_path + 1], host[PATH_MAX];
    size_t n = *len - offsetof(struct sockaddr_un, sun_path);
    memcpy(path, un->sun_path, n);
    path[n] = 0;
    if (path_to_host(path, host, true, true) || strlen(host) >= sizeof un->sun_path ||
        !strcmp(path, host))
        return mem_host(addr);
    strcpy(un->sun_path, host);
    *len = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + strlen(host) + 1);
    return un;
}

SYSCALL(bind)
{
    struct sockaddr_un un;
    uint32_t len = c->a[2];
    const void *p = map_address(c->a[1], &len, &un);
    return HC(SYS_bind, s32(c->a[0]), p, len, 0, 0, 0);
}
SYSCALL(connect)
{
    struct sockaddr_un un;
    uint32_t len = c->a[2];
    const void *p = map_address(c->a[1], &len, &un);
    return HCB(SYS_connect, s32(c->a[0]), p, len, 0, 0, 0);
}

static void prepare_address(uint32_t addr, uint32_t len)
{
    if (addr)
        mem_prepare_write(addr, sizeof(struct sockaddr_storage));
    if (len)
        mem_prepare_write(len, 4);
}

SYSCALL(accept4)
{
    prepare_address(c->a[1], c->a[2]);
    return HCB(SYS_accept4, s32(c->a[0]), c->a[1], c->a[2], c->a[3], 0, 0);
}
SYSCALL(getsockname)
{
    prepare_address(c->a[1], c->a[2]);
    return HC(SYS_getsockname, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
}
SYSCALL(getpeername)
{
    prepare_address(c->a[1], c->a[2]);
    return HC(SYS_getpeername, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
}
SYSCALL(sendto)
{
    struct sockaddr_un un;
    uint32_t len = c->a[5];
    const void *p = c->a[4] ? map_address(c->a[4], &len, &un) : NULL;
    return HCB(SYS_sendto, s32(c->a[0]), c->a[1], c->a[2], c->a[3], p, len);
}
SYSCALL(recvfrom)
{
    mem_prepare_write(c->a[1], c->a[2]);
    prepare_address(c->a[4], c->a[5]);
    return HCB(SYS_recvfrom, s32(c->a[0]), c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

/* ---- options ---- */

static int64_t get_timeo(struct sysctx *c)
{
    struct timeval tv;
    socklen_t n = sizeof tv;
    uint32_t len;
    if (mem_read32(c->a[4], &len))
        return -EFAULT;
    int64_t r = HC(SYS_getsockopt, s32(c->a[0]), SOL_SOCKET, s32(c->a[2]), &tv, &n, 0);
    struct i386_timeval g = {(int32_t)tv.tv_sec, (int32_t)tv.tv_usec};
    if (r)
        return r;
    if (len > sizeof g)
        len = sizeof g;
    return mem_write(c->a[3], &g, len) || mem_write32(c->a[4], len) ? -EFAULT : 0;
}

SYSCALL(getsockopt)
{
    uint32_t len;
    if (c->a[1] == SOL_SOCKET && (c->a[2] == SO_RCVTIMEO_OLD_ || c->a[2] == SO_SNDTIMEO_OLD_))
        return get_timeo(c);
    if (!mem_read32(c->a[4], &len))
        mem_prepare_write(c->a[3], len);
    mem_prepare_write(c->a[4], 4);
    return HC(SYS_getsockopt, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), c->a[3], c->a[4], 0);
}

SYSCALL(setsockopt)
{
    if (c->a[1] == SOL_SOCKET && (c->a[2] == SO_RCVTIMEO_OLD_ || c->a[2] == SO_SNDTIMEO_OLD_)) {
        struct i386_timeval g;
        if (c->a[4] < sizeof g)
            return -EINVAL;
        if (mem_read(&g, c->a[3], sizeof g))
            return -EFAULT;
        struct timeval tv = {g.sec, g.usec};
        return HC(SYS_setsockopt, s32(c->a[0]), SOL_SOCKET, s32(c->a[2]), &tv, sizeof tv, 0);
    }
    if (c->a[1] == SOL_SOCKET && c->a[2] == SO_ATTACH_FILTER_) {
        struct { uint16_t len, pad; uint32_t filter; } g;
        struct { uint16_t len; const void *filter; } h;
        if (c->a[4] < sizeof g || mem_read(&g, c->a[3], sizeof g))
            return -EFAULT;
        h.len = g.len;
        h.filter = mem_host(g.filter);
        return HC(SYS_setsockopt, s32(c->a[0]), SOL_SOCKET, s32(c->a[2]), &h, sizeof h, 0);
    }
    return HC(SYS_setsockopt, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), c->a[3], c->a[4], 0);
}

/* ---- messages ---- */

/* A guest message converted for the host. `control` holds host cmsgs. */
struct message {
    struct i386_msghdr g;
    struct msghdr h;
    struct iovec iov[IOV_LIMIT];
    struct sockaddr_un un;
    uint8_t control[CONTROL_MAX] __attribute__((aligned(8)));
};

static uint32_t align4(uint32_t n) { return (n + 3) & ~3u; }

/* Guest control data -> host's. 0 or -errno. */
static int control_in(struct message *m)
{
    uint32_t at = 0, left = m->g.controllen;
    size_t out = 0;
    while (left - at >= sizeof(struct i386_cmsghdr) && at < left) {
        struct i386_cmsghdr gc;
        if (mem_read(&gc, m->g.control + at, sizeof gc))
            return -EFAULT;
        if (gc.len < sizeof gc || gc.len > left - at)
            return -EINVAL;
        uint32_t n = gc.len - (uint32_t)sizeof gc;
        if (out + CMSG_SPACE(n) > sizeof m->control)
            return -ENOBUFS;
        struct cmsghdr *hc = (void *)(m->control + out);
        memset(hc, 0, CMSG_SPACE(n));
        hc->cmsg_len = CMSG_LEN(n);
        hc->cmsg_level = gc.level;
        hc->cmsg_type = gc.type;
        if (mem_read(CMSG_DATA(hc), m->g.control + at + (uint32_t)sizeof gc, n))
            return -EFAULT;
        out += CMSG_SPACE(n);
        at += align4(gc.len);
    }
    m->h.msg_control = out ? m->control : NULL;
    m->h.msg_controllen = out;
    return 0;
}

static void close_rights(const struct cmsghdr *hc, size_t from)
{
    size_t n = (hc->cmsg_len - CMSG_LEN(0)) / 4;
    const int *fd = (const int *)CMSG_DATA(hc);
    for (size_t i = from; i < n; i++)
        close(fd[i]);
}

/* Host control data -> guest's buffer; what does not fit is cut and MSG_CTRUNC set. */
static int control_out(struct message *m)
{
    uint32_t at = 0, room = m->g.controllen;
    for (struct cmsghdr *hc = CMSG_FIRSTHDR(&m->h); hc; hc = CMSG_NXTHDR(&m->h, hc)) {
        uint8_t data[CONTROL_MAX];
        uint32_t n = (uint32_t)(hc->cmsg_len - CMSG_LEN(0));
        bool rights = hc->cmsg_level == SOL_SOCKET && hc->cmsg_type == SCM_RIGHTS;
        memcpy(data, CMSG_DATA(hc), n);
        if (hc->cmsg_level == SOL_SOCKET &&
            (hc->cmsg_type == 29 || hc->cmsg_type == 35)) { /* SCM_TIMESTAMP(NS)_OLD: two longs */
            int64_t v[2];
            memcpy(v, data, sizeof v);
            int32_t w[2] = {(int32_t)v[0], (int32_t)v[1]};
            memcpy(data, w, n = sizeof w);
        }
        uint32_t have = room - at;
        if (at >= room || have < sizeof(struct i386_cmsghdr)) {
            m->h.msg_flags |= MSG_CTRUNC;
            if (rights)
                close_rights(hc, 0);
            continue;
        }
        uint32_t fit = have - (uint32_t)sizeof(struct i386_cmsghdr);
        if (n > fit) {
            m->h.msg_flags |= MSG_CTRUNC;
            if (rights)
                close_rights(hc, fit / 4);
            n = rights ? fit & ~3u : fit;
        }
        struct i386_cmsghdr gc = {(uint32_t)sizeof gc + n, hc->cmsg_level, hc->cmsg_type};
        if (mem_write(m->g.control + at, &gc, sizeof gc) ||
            mem_write(m->g.control + at + (uint32_t)sizeof gc, data, n))
            return -EFAULT;
        at += align4(gc.len);
    }
    m->g.controllen = at < room ? at : room;
    return 0;
}

static int message_in(struct message *m, uint32_t addr, bool recv)
{
    if (mem_read(&m->g, addr, sizeof m->g))
        return -EFAULT;
    memset(&m->h, 0, sizeof m->h);
    if (m->g.iovlen > IOV_LIMIT)
        return -EMSGSIZE;
    int n = get_iovec(m->g.iov, m->g.iovlen, m->iov, recv);
    if (n < 0)
        return n;
    m->h.msg_iov = m->iov;
    m->h.msg_iovlen = (size_t)n;
    uint32_t namelen = m->g.namelen;
    if (m->g.name) {
        if (recv)
            mem_prepare_write(m->g.name, namelen);
        m->h.msg_name = recv ? mem_host(m->g.name)
                             : (void *)(uintptr_t)map_address(m->g.name, &namelen, &m->un);
        m->h.msg_namelen = namelen;
    }
    if (!m->g.control)
        return 0;
    if (!recv)
        return control_in(m);
    size_t room = (size_t)m->g.controllen * 2 + 64; /* host headers are larger */
    m->h.msg_control = m->control;
    m->h.msg_controllen = room < sizeof m->control ? room : sizeof m->control;
    return 0;
}

static int message_out(struct message *m, uint32_t addr)
{
    if (m->g.control && control_out(m))
        return -EFAULT;
    m->g.flags = (uint32_t)m->h.msg_flags & ~0x80000000u;
    if (m->g.name)
        m->g.namelen = m->h.msg_namelen;
    return mem_write(addr, &m->g, sizeof m->g);
}

static int64_t one_message(uint32_t fd, uint32_t addr, uint32_t flags, bool recv)
{
    struct message *m = xmalloc(sizeof *m);
    int64_t r = message_in(m, addr, recv);
    if (!r)
        r = HCB(recv ? SYS_recvmsg : SYS_sendmsg, s32(fd), &m->h, flags, 0, 0, 0);
    if (recv && r >= 0 && message_out(m, addr))
        r = -EFAULT;
    free(m);
    return r;
}
SYSCALL(sendmsg) { return one_message(c->a[0], c->a[1], c->a[2], false); }
SYSCALL(recvmsg) { return one_message(c->a[0], c->a[1], c->a[2], true); }

/* Several messages: one by one, as the kernel does. The count done, or the first error. */
static int64_t many(struct sysctx *c, bool recv, const struct timespec *limit)
{
    uint32_t n = c->a[2] > 1024 ? 1024 : c->a[2], flags = c->a[3];
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = c->a[1] + i * 32;
        int64_t r = one_message(c->a[0], at, flags & ~0x10000u /* MSG_WAITFORONE */, recv);
        if (r < 0)
            return i ? (int64_t)i : r;
        if (mem_write32(at + 28, (uint32_t)r))
            return i ? (int64_t)i : -EFAULT;
        if (recv && (flags & 0x10000u))
            flags |= MSG_DONTWAIT;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (limit && (now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec >=
                         limit->tv_sec * 1000000000L + limit->tv_nsec)
            return i + 1;
    }
    return n;
}
SYSCALL(sendmmsg) { return many(c, false, NULL); }

static int64_t do_recvmmsg(struct sysctx *c, bool t64)
{
    struct timespec ts;
    if (c->a[4] && get_timespec(c->a[4], t64, &ts))
        return -EFAULT;
    return many(c, true, c->a[4] ? &ts : NULL);
}
SYSCALL(recvmmsg) { return do_recvmmsg(c, false); }
SYSCALL(recvmmsg_time64) { return do_recvmmsg(c, true); }

/* ---- socketcall ---- */

static int64_t call_socket(struct sysctx *c) { return HC(SYS_socket, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), 0, 0, 0); }
static int64_t call_listen(struct sysctx *c) { return HC(SYS_listen, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0); }
static int64_t call_accept(struct sysctx *c)
{
    c->a[3] = 0;
    return sys_accept4(c);
}
static int64_t call_socketpair(struct sysctx *c)
{
    mem_prepare_write(c->a[3], 8);
    return HC(SYS_socketpair, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), c->a[3], 0, 0);
}
static int64_t call_send(struct sysctx *c)
{
    c->a[4] = c->a[5] = 0;
    return sys_sendto(c);
}
static int64_t call_recv(struct sysctx *c)
{
    c->a[4] = c->a[5] = 0;
    return sys_recvfrom(c);
}
static int64_t call_shutdown(struct sysctx *c) { return HC(SYS_shutdown, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0); }

SYSCALL(socketcall)
{
    static const struct { uint8_t nargs; sys_fn fn; } calls[] = {
        {0, NULL}, {3, call_socket}, {3, sys_bind}, {3, sys_connect}, {2, call_listen},
        {3, call_accept}, {3, sys_getsockname}, {3, sys_getpeername}, {4, call_socketpair},
        {4, call_send}, {4, call_recv}, {6, sys_sendto}, {6, sys_recvfrom}, {2, call_shutdown},
        {5, sys_setsockopt}, {5, sys_getsockopt}, {3, sys_sendmsg}, {3, sys_recvmsg},
        {4, sys_accept4}, {5, sys_recvmmsg}, {4, sys_sendmmsg},
    };
    struct sysctx k = {.t = c->t, .nr = c->nr};
    uint32_t n = c->a[0];
    if (n < 1 || n >= ARRAY_SIZE(calls))
        return -EINVAL;
    if (mem_read(k.a, c->a[1], calls[n].nargs * 4u))
        return -EFAULT;
    return calls[n].fn(&k);
}
