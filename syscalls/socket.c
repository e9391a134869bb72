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

#include "core/options.h"
#include "syscalls/priv.h"

enum { CONTROL_MAX = 64 << 10 };
enum { I386_GETSOCKOPT = 365, I386_SETSOCKOPT };
/* Socket options whose form depends on the word size (asm-generic/socket.h). */
enum {
    G_SO_RCVTIMEO_OLD = 20, G_SO_SNDTIMEO_OLD = 21, G_SO_ATTACH_FILTER = 26,
    G_SO_ATTACH_REUSEPORT_CBPF = 51, G_SO_TIMESTAMP_OLD = 29, G_SO_TIMESTAMPNS_OLD = 35,
    G_SO_TIMESTAMPING_OLD = 37, G_MCAST_FIRST = 42, G_PACKET_FANOUT_DATA = 22, G_MCAST_MSFILTER = 48
};
#define G_MSG_CMSG_COMPAT 0x80000000u
#define G_MSG_WAITFORONE 0x10000u

/* ---- addresses: AF_UNIX paths may lie below a sysroot ---- */

/* The address to give to the host, and its length. */
static const void *map_address(uint32_t addr, uint32_t *len, struct sockaddr_un *un)
{
    if (!opt.sysroot || *len > sizeof *un || *len < 3 || mem_read(un, addr, *len) ||
        un->sun_family != AF_UNIX || un->sun_path[0] != '/')
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
    return HC(SYS_bind, s32(c->a[0]), p, s32(len), 0, 0, 0);
}
SYSCALL(connect)
{
    struct sockaddr_un un;
    uint32_t len = c->a[2];
    const void *p = map_address(c->a[1], &len, &un);
    return HCB(SYS_connect, s32(c->a[0]), p, s32(len), 0, 0, 0);
}

/* An address that the host writes: directly, or through `ss` where its path may need mapping. */
struct address_out {
    struct sockaddr_storage ss;
    uint32_t len, room;
    void *p, *lenp;
};

static void address_begin(struct address_out *o, uint32_t addr, uint32_t len)
{
    o->p = mem_host(addr), o->lenp = mem_host(len);
    if (addr && opt.sysroot && !mem_read32(len, &o->room) && s32(o->room) >= 0) {
        o->len = sizeof o->ss;
        o->p = &o->ss, o->lenp = &o->len;
        return;
    }
    if (addr)
        mem_prepare_write(addr, sizeof(struct sockaddr_storage));
    if (len)
        mem_prepare_write(len, 4);
}

/* `ret` is the call's result; it becomes -EFAULT if the address cannot be delivered. */
static int64_t address_end(struct address_out *o, uint32_t addr, uint32_t len, int64_t ret)
{
    if (ret < 0 || o->p != &o->ss)
        return ret;
    struct sockaddr_un *un = (void *)&o->ss;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    if (o->len > head + 1 && un->sun_family == AF_UNIX && un->sun_path[0] == '/') {
        char path[sizeof o->ss];
        size_t n = o->len - head;
        memcpy(path, un->sun_path, n);
        path[n < sizeof path ? n : sizeof path - 1] = 0;
        const char *g = path_to_guest(path);
        memmove(un->sun_path, g, strlen(g) + 1);
        o->len -= (uint32_t)(g - path);
    }
    uint32_t n = o->len < o->room ? o->len : o->room;
    return mem_write(addr, &o->ss, n) || mem_write32(len, o->len) ? -EFAULT : ret;
}

SYSCALL(accept4)
{
    struct address_out o;
    address_begin(&o, c->a[1], c->a[2]);
    int64_t r = HCB(SYS_accept4, s32(c->a[0]), o.p, o.lenp, s32(c->a[3]), 0, 0);
    return address_end(&o, c->a[1], c->a[2], r);
}
SYSCALL(getsockname)
{
    struct address_out o;
    address_begin(&o, c->a[1], c->a[2]);
    int64_t r = HC(SYS_getsockname, s32(c->a[0]), o.p, o.lenp, 0, 0, 0);
    return address_end(&o, c->a[1], c->a[2], r);
}
SYSCALL(getpeername)
{
    struct address_out o;
    address_begin(&o, c->a[1], c->a[2]);
    int64_t r = HC(SYS_getpeername, s32(c->a[0]), o.p, o.lenp, 0, 0, 0);
    return address_end(&o, c->a[1], c->a[2], r);
}
SYSCALL(sendto)
{
    struct sockaddr_un un;
    uint32_t len = c->a[5];
    const void *p = c->a[4] ? map_address(c->a[4], &len, &un) : NULL;
    return HCB(SYS_sendto, s32(c->a[0]), c->a[1], c->a[2], c->a[3] & ~G_MSG_CMSG_COMPAT, p,
               s32(len));
}
SYSCALL(recvfrom)
{
    struct address_out o;
    mem_prepare_write(c->a[1], c->a[2]);
    address_begin(&o, c->a[4], c->a[5]);
    int64_t r = HCB(SYS_recvfrom, s32(c->a[0]), c->a[1], c->a[2], c->a[3] & ~G_MSG_CMSG_COMPAT,
                    o.p, o.lenp);
    return address_end(&o, c->a[4], c->a[5], r);
}

/* ---- options ---- */

/* IPv4 and IPv6 multicast by group_req and its kin: the address behind the interface index is
 * 8-aligned for the host. */
static bool is_mcast(uint32_t level, uint32_t name)
{
    return (level == IPPROTO_IP || level == IPPROTO_IPV6) && name >= G_MCAST_FIRST &&
           name <= G_MCAST_MSFILTER;
}

static bool is_timeo(uint32_t level, uint32_t name)
{
    return level == SOL_SOCKET && (name == G_SO_RCVTIMEO_OLD || name == G_SO_SNDTIMEO_OLD);
}

/* Options that take a struct sock_fprog: a count and a pointer to instructions. */
static bool is_filter(uint32_t level, uint32_t name)
{
    return (level == SOL_SOCKET &&
            (name == G_SO_ATTACH_FILTER || name == G_SO_ATTACH_REUSEPORT_CBPF)) ||
           (level == SOL_PACKET && name == G_PACKET_FANOUT_DATA); /* or, by its length, a descriptor */
}

/* Tables of iptables, ip6tables, arptables and ebtables: linux/netfilter_*. */
static bool is_tables(uint32_t level, uint32_t name)
{
    enum { IPT = 64, ARPT = 96, EBT = 128 };
    return (level == IPPROTO_IP && ((name & ~1u) == IPT || (name & ~1u) == ARPT || (name & ~3u) == EBT)) ||
           (level == IPPROTO_IPV6 && (name & ~1u) == IPT);
}

/* The addresses in struct ipt_replace, ip6t_replace, arpt_replace and ebt_replace to which the kernel writes:
 * of counters and entries. */
static void prepare_tables(const struct sysctx *c)
{
    enum { ARPT_COUNTERS = 72, EBT_ENTRIES = 76, IPT_COUNTERS = 88 };
    static const uint8_t places[] = {ARPT_COUNTERS, EBT_ENTRIES, IPT_COUNTERS};
    uint32_t a;
    mem_prepare_write(c->a[3], MEM_UNKNOWN_LENGTH);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (!mem_read32(c->a[3] + places[i], &a))
            mem_prepare_write(a, MEM_UNKNOWN_LENGTH);
}

/* They are structures upon structures, with addresses: only the host's own i386 entry can convert them. */
static int64_t tables_option(struct sysctx *c, uint32_t nr)
{
    prepare_tables(c);
    int64_t r = runtime_hooks.call32(nr, c->a);
    if (r != NO_CALL32)
        return r;
    log_event("option %u of sockets refused: tables of filters are not converted", c->a[2]);
    return -ENOPROTOOPT;
}

static int64_t sockopt(struct sysctx *c, long nr, const void *p, uint64_t len)
{
    return HC(nr, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), p, len, 0);
}

/* The guest's buffer with four bytes of padding behind the first four. NULL: cannot be read. */
static uint8_t *pad_group(uint32_t a, uint32_t len)
{
    uint8_t *b = xcalloc(1, (size_t)len + 8);
    if (!mem_read(b, a, 4) && !mem_read(b + 8, a + 4, len - 4))
        return b;
    free(b);
    return NULL;
}

static int64_t set_mcast(struct sysctx *c, uint32_t len)
{
    if (len < 4 || len > 1u << 20)
        return sockopt(c, SYS_setsockopt, mem_host(c->a[3]), len < 4 ? 0 : len);
    uint8_t *b = pad_group(c->a[3], len);
    int64_t r = sockopt(c, SYS_setsockopt, b ? b : BAD_PTR, (uint64_t)len + 4);
    free(b);
    return r;
}

static int64_t get_mcast(struct sysctx *c, uint32_t len)
{
    uint8_t *b = len >= 4 && len < 1u << 20 ? pad_group(c->a[3], len) : NULL;
    socklen_t n = b ? len + 4 : 0;
    int64_t r = sockopt(c, SYS_getsockopt, b, (uint64_t)(uintptr_t)&n);
    if (!r && n >= 8 && (mem_write(c->a[3] + 4, b + 8, n - 8) || mem_write32(c->a[4], n - 4)))
        r = -EFAULT;
    free(b);
    return r;
}

static int64_t get_timeo(struct sysctx *c, uint32_t len)
{
    struct timeval tv;
    socklen_t n = sizeof tv;
    int64_t r = sockopt(c, SYS_getsockopt, &tv, (uint64_t)(uintptr_t)&n);
    struct i386_timeval g = {(int32_t)tv.tv_sec, (int32_t)tv.tv_usec};
    if (r)
        return r;
    if (len > sizeof g)
        len = sizeof g;
    return mem_write(c->a[3], &g, len) || mem_write32(c->a[4], len) ? -EFAULT : 0;
}

SYSCALL(getsockopt)
{
    uint32_t len = 0;
    int64_t r;
    bool known = !mem_read32(c->a[4], &len) && s32(len) >= 0;
    if (is_tables(c->a[1], c->a[2])) {
        mem_prepare_write(c->a[4], 4);
        return tables_option(c, I386_GETSOCKOPT);
    }
    if (known && is_timeo(c->a[1], c->a[2]))
        return get_timeo(c, len);
    if (known && is_mcast(c->a[1], c->a[2]))
        return get_mcast(c, len);
    if (known && wide_getsockopt(c, len, &r))
        return r;
    if (known)
        mem_prepare_write(c->a[3], len);
    mem_prepare_write(c->a[4], 4);
    return sockopt(c, SYS_getsockopt, mem_host(c->a[3]), c->a[4]);
}

static int64_t set_timeo(struct sysctx *c)
{
    struct i386_timeval g;
    if (c->a[4] < sizeof g)
        return sockopt(c, SYS_setsockopt, mem_host(c->a[3]), c->a[4]);
    if (mem_read(&g, c->a[3], sizeof g))
        return sockopt(c, SYS_setsockopt, BAD_PTR, sizeof(struct timeval));
    struct timeval tv = {g.sec, g.usec};
    return sockopt(c, SYS_setsockopt, &tv, sizeof tv);
}

static int64_t set_filter(struct sysctx *c)
{
    struct { uint16_t len, pad; uint32_t filter; } g;
    struct { uint16_t len; const void *filter; } h;
    if (c->a[4] != sizeof g)
        return sockopt(c, SYS_setsockopt, mem_host(c->a[3]), c->a[4] < 16 ? c->a[4] : 15);
    if (mem_read(&g, c->a[3], sizeof g))
        return sockopt(c, SYS_setsockopt, BAD_PTR, sizeof h);
    h.len = g.len;
    h.filter = mem_host(g.filter);
    return sockopt(c, SYS_setsockopt, &h, sizeof h);
}

SYSCALL(setsockopt)
{
    int64_t len = s32(c->a[4]), r;
    if (is_tables(c->a[1], c->a[2]))
        return tables_option(c, I386_SETSOCKOPT);
    if (len >= 0 && wide_setsockopt(c, (uint32_t)len, &r))
        return r;
    if (len >= 0 && is_timeo(c->a[1], c->a[2]))
        return set_timeo(c);
    if (len >= 0 && is_filter(c->a[1], c->a[2]))
        return set_filter(c);
    if (len >= 0 && is_mcast(c->a[1], c->a[2]))
        return set_mcast(c, (uint32_t)len);
    return sockopt(c, SYS_setsockopt, mem_host(c->a[3]), (uint64_t)len);
}

/* ---- messages ---- */

/* A guest message converted for the host. `control` holds host cmsgs. */
struct message {
    struct i386_msghdr g;
    struct msghdr h;
    struct iovec iov[IOV_LIMIT];
    struct sockaddr_un un;
    int control_error; /* what the kernel says of the control data */
    uint8_t control[CONTROL_MAX] __attribute__((aligned(8)));
};

static uint32_t align4(uint32_t n) { return (n + 3) & ~3u; }

/* Guest control data -> host's. 0 or -errno. */
static int control_convert(struct message *m)
{
    uint32_t at = 0, left = m->g.controllen;
    size_t out = 0;
    if (left > INT32_MAX) { /* the host says ENOBUFS */
        m->h.msg_control = m->control;
        m->h.msg_controllen = left;
        return 0;
    }
    while (m->g.control && left - at >= sizeof(struct i386_cmsghdr) && at < left) {
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
    m->h.msg_control = m->control;
    m->h.msg_controllen = out;
    return out || !left ? 0 : -EINVAL;
}

/* The same, but what is bad is for the host to find, after its other checks. */
static void control_in(struct message *m)
{
    m->control_error = control_convert(m);
    if (!m->control_error)
        return;
    m->h.msg_control = BAD_PTR;
    m->h.msg_controllen = sizeof(struct cmsghdr);
}

static void close_rights(const struct cmsghdr *hc, size_t from)
{
    size_t n = (hc->cmsg_len - CMSG_LEN(0)) / 4;
    const int *fd = (const int *)CMSG_DATA(hc);
    for (size_t i = from; i < n; i++)
        close(fd[i]);
}

/* Time stamps in longs: a pair, or three of them, of half the size. The new length. */
static uint32_t narrow_times(int type, uint8_t *data, uint32_t n)
{
    if (type != G_SO_TIMESTAMP_OLD && type != G_SO_TIMESTAMPNS_OLD && type != G_SO_TIMESTAMPING_OLD)
        return n;
    for (uint32_t i = 0; i < n / 8; i++)
        memcpy(data + i * 4, data + i * 8, 4);
    return n / 2;
}

/* Host control data -> guest's buffer; what does not fit is cut and MSG_CTRUNC set. */
static int control_out(struct message *m)
{
    uint32_t at = 0, room = m->g.controllen;
    for (struct cmsghdr *hc = CMSG_FIRSTHDR(&m->h); hc; hc = CMSG_NXTHDR(&m->h, hc)) {
        uint8_t data[CONTROL_MAX] __attribute__((aligned(4)));
        uint32_t n = (uint32_t)(hc->cmsg_len - CMSG_LEN(0));
        bool rights = hc->cmsg_level == SOL_SOCKET && hc->cmsg_type == SCM_RIGHTS;
        memcpy(data, CMSG_DATA(hc), n);
        if (hc->cmsg_level == SOL_SOCKET)
            n = narrow_times(hc->cmsg_type, data, n);
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
            if (rights && !n)
                continue;
        }
        for (uint32_t i = 0; rights && i < n; i += 4)
            records_look(*(const uint32_t *)(data + i));
        struct i386_cmsghdr gc = {(uint32_t)sizeof gc + n, hc->cmsg_level, hc->cmsg_type};
        if (mem_write(m->g.control + at, &gc, sizeof gc) ||
            mem_write(m->g.control + at + (uint32_t)sizeof gc, data, n))
            return -EFAULT;
        at += align4(gc.len);
    }
    m->g.controllen = at < room ? at : room;
    return 0;
}

/* What the kernel refuses is left as it is, so that the host refuses it after its other checks. */
static void message_in(struct message *m, bool recv)
{
    struct msghdr *h = &m->h;
    uint32_t namelen = m->g.namelen;
    memset(h, 0, sizeof *h);
    h->msg_iov = host_iovec(m->g.iov, m->g.iovlen, m->iov, recv);
    h->msg_iovlen = m->g.iovlen;
    if (m->g.name) {
        if (recv)
            mem_prepare_write(m->g.name, namelen);
        h->msg_name = recv ? mem_host(m->g.name)
                           : (void *)(uintptr_t)map_address(m->g.name, &namelen, &m->un);
        h->msg_namelen = namelen;
    }
    if (!recv) {
        control_in(m);
        return;
    }
    size_t room = (size_t)m->g.controllen * 2 + 64; /* host headers are larger */
    h->msg_control = m->g.control ? m->control : NULL;
    h->msg_controllen = m->g.control ? (room < sizeof m->control ? room : sizeof m->control)
                                     : m->g.controllen;
}

/* What the kernel reads first, the address and the vector. */
static bool readable_before_control(const struct message *m)
{
    struct sockaddr_storage name;
    size_t n = m->g.namelen < sizeof name ? m->g.namelen : sizeof name;
    return m->h.msg_iov != BAD_PTR && (!m->g.name || !mem_read(&name, m->g.name, n));
}

static int message_out(struct message *m, uint32_t addr)
{
    if (!m->g.control)
        m->g.controllen = (uint32_t)m->h.msg_controllen;
    else if (control_out(m))
        return -EFAULT;
    m->g.flags = (uint32_t)m->h.msg_flags & ~G_MSG_CMSG_COMPAT;
    if (m->g.name)
        m->g.namelen = m->h.msg_namelen;
    return mem_write(addr, &m->g, sizeof m->g);
}

static int64_t one_message(uint32_t fd, uint32_t addr, uint32_t flags, bool recv)
{
    struct message *m = xmalloc(sizeof *m);
    struct msghdr *h = mem_read(&m->g, addr, sizeof m->g) ? BAD_PTR : &m->h;
    m->control_error = 0;
    if (h != BAD_PTR)
        message_in(m, recv);
    int64_t r = HCB(recv ? SYS_recvmsg : SYS_sendmsg, s32(fd), h, flags & ~G_MSG_CMSG_COMPAT, 0, 0, 0);
    if (r == -EFAULT && m->control_error && readable_before_control(m))
        r = m->control_error;
    if (recv && r >= 0 && message_out(m, addr))
        r = -EFAULT;
    free(m);
    return r;
}
SYSCALL(sendmsg) { return one_message(c->a[0], c->a[1], c->a[2], false); }
SYSCALL(recvmsg) { return one_message(c->a[0], c->a[1], c->a[2], true); }

/* Several messages: one by one, as the kernel does. The count done, or the first error. */
static int64_t many(struct sysctx *c, bool recv, struct timespec *limit)
{
    uint32_t n = c->a[2], flags = c->a[3] & ~G_MSG_CMSG_COMPAT;
    struct timespec now, end = {0, 0};
    if (!recv && n > IOV_LIMIT)
        n = IOV_LIMIT;
    /* for none the host looks at the descriptor and the timeout only */
    int64_t r = HC(recv ? SYS_recvmmsg : SYS_sendmmsg, s32(c->a[0]), BAD_PTR, 0, flags, limit, 0);
    if (r < 0)
        return r;
    if (limit) {
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += limit->tv_sec + (end.tv_nsec + limit->tv_nsec) / 1000000000;
        end.tv_nsec = (end.tv_nsec + limit->tv_nsec) % 1000000000;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = c->a[1] + i * 32;
        r = one_message(c->a[0], at, flags & ~G_MSG_WAITFORONE, recv);
        if (r < 0)
            return i ? (int64_t)i : r;
        if (mem_write32(at + 28, (uint32_t)r))
            return i ? (int64_t)i : -EFAULT;
        if (flags & G_MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (!limit)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = (end.tv_sec - now.tv_sec) * 1000000000 + end.tv_nsec - now.tv_nsec;
        *limit = left > 0 ? (struct timespec){left / 1000000000, left % 1000000000}
                          : (struct timespec){0, 0};
        if (left <= 0)
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
    int64_t n = many(c, true, c->a[4] ? &ts : NULL);
    return n > 0 && c->a[4] && put_timespec(c->a[4], t64, &ts) ? -EFAULT : n;
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
