/* Arguments whose form depends on others: fcntl, ioctl, futex, prctl, clone, socket options and
 * addresses, messages, siginfo. Each function prints from argument k->g to the last. */
#include <arpa/inet.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/sigframe.h"
#include "syscalls/strace.h"

static void note(struct call *k, const char *text)
{
    snprintf(k->note, sizeof k->note, "%s", text);
}

/* ---- fcntl ---- */

/* The result as a value of a type. */
static void note_of(struct call *k, const char *type)
{
    static struct line l; /* one caller at a time: the session is locked */
    struct line *was = k->l;
    l.n = 0;
    k->l = &l;
    strace_add_value(k, type, (uint32_t)k->ret);
    l.b[l.n] = 0;
    k->l = was;
    snprintf(k->note, sizeof k->note, "%s%.400s", strcmp(type, "|fdflags") && strcmp(type, "open") ? "" : "flags ", l.b);
}

static void s_fcntl(struct call *k)
{
    uint32_t cmd = k->c->a[1], a = k->c->a[2];
    struct line *l = k->l;
    const char *type = NULL;
    strace_add_one(l, "fcntl", cmd);
    switch (cmd) {
    case 1: /* F_GETFD */
        if (k->ret > 0)
            note_of(k, "|fdflags");
        return;
    case 3: /* F_GETFL */
        if (k->ret >= 0)
            note_of(k, "open");
        return;
    case 9: case 1032: return;
    case 11: case 1025: case 1034:
        if (cmd == 11 && k->ret > 0)
            note_of(k, "sig");
        if (cmd == 1025 && k->ret >= 0)
            note(k, strace_one_name("lock", (uint32_t)k->ret));
        if (cmd == 1034 && k->ret > 0)
            note_of(k, "|seal");
        return;
    case 0: case 8: case 1030: case 1031: type = "d"; break;
    case 2: type = "|fdflags"; break;
    case 4: type = "open"; break;
    case 5: type = ">flockpid"; break;
    case 6: case 7: type = "*flock"; break;
    case 10: type = "sig"; break;
    case 12: case 36: type = ">flock64pid"; break;
    case 13: case 14: case 37: case 38: type = "*flock64"; break;
    case 15: type = "*owner"; break;
    case 16: type = ">owner"; break;
    case 1024: type = "=lock"; break;
    case 1033: type = "|seal"; break;
    default: type = "x"; break;
    }
    strace_add(l, ", ");
    strace_add_value(k, type, a);
}

/* ---- ioctl ---- */

static void s_ioctl(struct call *k)
{
    static const struct { uint32_t req; const char *type; } args[] = {
        {0x5413, ">winsize"}, {0x5414, "*winsize"}, {0x541b, ">d"}, {0x5421, "*d"}, {0x5452, "*d"},
        {0x5411, ">d"}, {0x540f, ">d"}, {0x5410, "*d"}, {0x5429, ">d"}, {0x80045430, ">d"},
        {0x40045431, "*d"}, {0x5450, ""}, {0x5451, ""}, {0x5422, ""}, {0x540e, "d"}, {0x540b, "d"},
        {0x5409, "d"}, {0x5441, "open"}, {0x8905, ">d"}, {0x80041272, ">u8"}, {0x1268, ">d"},
        {0x40049409, "d"},
    };
    uint32_t req = k->c->a[1], a = k->c->a[2];
    const char *two = strace_one_name("ioctl", req), *name = two ? two : ioctl_name(req), *type = "p";
    static const char *const dirs[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"};
    if (name)
        strace_add(k->l, "%s", name);
    else
        strace_add(k->l, "_IOC(%s, %#x, %#x, %#x)", dirs[req >> 30], req >> 8 & 0xff, req & 0xff,
                   req >> 16 & 0x3fff);
    for (size_t i = 0; i < ARRAY_SIZE(args); i++)
        if (args[i].req == req)
            type = args[i].type;
    if (!*type)
        return;
    strace_add(k->l, ", ");
    if (!name)
        strace_add(k->l, "%#x", a);
    else
        strace_add_value(k, type, a);
}

/* ---- futex ---- */

static void add_timeout(struct call *k)
{
    const char *name = syscalls_table[k->c->nr].name;
    strace_add_value(k, strstr(name, "time64") ? "*timespec64" : "*timespec", k->c->a[3]);
}

static void add_bitset(struct line *l, uint32_t v)
{
    strace_add(l, v == UINT32_MAX ? ", FUTEX_BITSET_MATCH_ANY" : ", %#x", v);
}

static void s_futex(struct call *k)
{
    const uint32_t *a = k->c->a;
    struct line *l = k->l;
    uint32_t op = a[1] & 127;
    const char *name = strace_one_name("futex", op);
    strace_add_address(l, a[0]);
    if (name)
        strace_add(l, ", %s%s%s", name, a[1] & 128 ? "_PRIVATE" : "",
                   a[1] & 256 ? "|FUTEX_CLOCK_REALTIME" : "");
    else
        strace_add(l, ", %#x /* FUTEX_??? */", a[1]);
    switch (op) {
    case 0: case 6: case 9: case 11: case 13:
        strace_add(l, op == 6 || op == 13 ? ", " : ", %u, ", a[2]);
        add_timeout(k);
        if (op == 9)
            add_bitset(l, a[5]);
        if (op == 11)
            strace_add(l, ", %#x", a[4]);
        break;
    case 1: strace_add(l, ", %u", a[2]); break;
    case 2: strace_add(l, ", %u", a[2]); break;
    case 3: strace_add(l, ", %u, %u, %#x", a[2], a[3], a[4]); break;
    case 4: case 12: strace_add(l, ", %u, %u, %#x, %u", a[2], a[3], a[4], a[5]); break;
    case 5: {
        static const char *const ops[] = {"SET", "ADD", "OR", "ANDN", "XOR"};
        static const char *const cmps[] = {"EQ", "NE", "LT", "LE", "GT", "GE"};
        uint32_t v = a[5], o = v >> 28 & 7, c = v >> 24 & 15;
        strace_add(l, ", %u, %u, %#x, ", a[2], a[3], a[4]);
        if (o < ARRAY_SIZE(ops) && c < ARRAY_SIZE(cmps))
            strace_add(l, "FUTEX_OP_%s<<28|%s%#x<<12|FUTEX_OP_CMP_%s<<24|%#x", ops[o],
                       v >> 31 ? "FUTEX_OP_OPARG_SHIFT<<28|" : "", v >> 12 & 0xfff, cmps[c], v & 0xfff);
        else
            strace_add(l, "%#x", v);
        break;
    }
    case 7: case 8: break;
    case 10:
        strace_add(l, ", %u", a[2]);
        add_bitset(l, a[5]);
        break;
    default: strace_add(l, ", %u, %#x, %#x, %#x", a[2], a[3], a[4], a[5]); break;
    }
}

/* ---- processes ---- */

void strace_add_clone(struct line *l, uint64_t flags, uint32_t sig)
{
    if (flags >> 32)
        strace_add(l, "%s%s%s", flags >> 32 & 1 ? "CLONE_CLEAR_SIGHAND" : "",
                   (flags >> 32 & 3) == 3 ? "|" : "", flags >> 32 & 2 ? "CLONE_INTO_CGROUP" : "");
    if ((uint32_t)flags) {
        strace_add(l, flags >> 32 ? "|" : "");
        strace_add_set(l, "clone", (uint32_t)flags);
    }
    if (sig) {
        strace_add(l, flags ? "|" : "");
        strace_add_signal(l, sig);
    } else if (!flags) {
        strace_add(l, "0");
    }
}

static void s_clone(struct call *k)
{
    const uint32_t *a = k->c->a;
    struct line *l = k->l;
    strace_add(l, "child_stack=");
    strace_add_address(l, a[1]);
    strace_add(l, ", flags=");
    strace_add_clone(l, a[0] & ~0xffu, a[0] & 0xff);
    if (a[0] & (CLONE_PARENT_SETTID | CLONE_PIDFD)) {
        strace_add(l, a[0] & CLONE_PIDFD ? ", parent_tid=" : ", parent_tid=");
        strace_add_value(k, "*d", a[2]);
    }
    if (a[0] & CLONE_SETTLS) {
        strace_add(l, ", tls=");
        strace_add_value(k, "*userdesc", a[3]);
    }
    if (a[0] & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) {
        strace_add(l, ", child_tidptr=");
        strace_add_address(l, a[4]);
    }
}

static void s_clone3(struct call *k)
{
    uint64_t v[8] = {0}; /* flags pidfd child_tid parent_tid exit_signal stack stack_size tls */
    uint32_t size = k->c->a[1];
    struct line *l = k->l;
    if (mem_read(v, k->c->a[0], size < sizeof v ? size : sizeof v)) {
        strace_add_address(l, k->c->a[0]);
        strace_add(l, ", %u", size);
        return;
    }
    strace_add(l, "{flags=");
    strace_add_clone(l, v[0], 0);
    if (v[0] & CLONE_PIDFD)
        strace_add(l, ", pidfd=%#llx", (unsigned long long)v[1]);
    if (v[0] & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
        strace_add(l, ", child_tid=%#llx", (unsigned long long)v[2]);
    if (v[0] & CLONE_PARENT_SETTID)
        strace_add(l, ", parent_tid=%#llx", (unsigned long long)v[3]);
    strace_add(l, ", exit_signal=");
    strace_add_signal(l, (uint32_t)v[4]);
    strace_add(l, ", stack=");
    strace_add_address(l, (uint32_t)v[5]);
    strace_add(l, v[6] ? ", stack_size=%#llx" : ", stack_size=0", (unsigned long long)v[6]);
    if (v[0] & CLONE_SETTLS) {
        strace_add(l, ", tls=");
        strace_add_value(k, "*userdesc", (uint32_t)v[7]);
    }
    strace_add(l, "}, %u", size);
}

static void s_sigreturn(struct call *k)
{
    uint64_t mask = 0;
    bool rt = strncmp(syscalls_table[k->c->nr].name, "rt_", 3) == 0;
    if (sigframe_mask(k->c->t, rt, &mask))
        return;
    strace_add(k->l, "{mask=");
    strace_add_sigset(k->l, mask);
    strace_add(k->l, "}");
}

static void s_oldmmap(struct call *k)
{
    uint32_t w[6];
    if (mem_read(w, k->c->a[0], sizeof w)) {
        strace_add_address(k->l, k->c->a[0]);
        return;
    }
    strace_add_address(k->l, w[0]);
    strace_add(k->l, ", %u, ", w[1]);
    strace_add_set(k->l, "prot", w[2]);
    strace_add(k->l, ", ");
    strace_add_set(k->l, "map", w[3]);
    strace_add(k->l, w[5] ? ", %d, %#x" : ", %d, %u", (int)w[4], w[5]);
}

static void s_prctl(struct call *k)
{
    const uint32_t *a = k->c->a;
    struct line *l = k->l;
    const char *type = NULL;
    strace_add_one(l, "prctl", a[0]);
    switch (a[0]) {
    case PR_GET_DUMPABLE: case PR_GET_KEEPCAPS: case PR_GET_SECCOMP: case PR_GET_TIMERSLACK:
    case PR_GET_SECUREBITS: case PR_GET_TIMING:
        return;
    case PR_SET_NAME: case PR_GET_NAME: type = a[0] == PR_GET_NAME && k->ret < 0 ? "p" : "str"; break;
    case PR_SET_PDEATHSIG: type = "sig"; break;
    case PR_GET_PDEATHSIG: type = ">sig"; break;
    case PR_GET_TID_ADDRESS: case PR_GET_TSC: case PR_GET_CHILD_SUBREAPER: type = ">x"; break;
    case PR_SET_DUMPABLE:
        strace_add(l, a[1] == 0 ? ", SUID_DUMP_DISABLE" : a[1] == 1 ? ", SUID_DUMP_USER" : ", %#x", a[1]);
        return;
    case PR_SET_KEEPCAPS: case PR_SET_TIMERSLACK: case PR_SET_CHILD_SUBREAPER: type = "u"; break;
    case PR_GET_NO_NEW_PRIVS: strace_add(l, ", %u, %u, %u, %u", a[1], a[2], a[3], a[4]); return;
    case PR_SET_NO_NEW_PRIVS: strace_add(l, ", %u, %u, %u, %u", a[1], a[2], a[3], a[4]); return;
    default:
        for (int i = 1; i < 5; i++)
            strace_add(l, a[i] ? ", %#x" : ", 0", a[i]);
        return;
    }
    strace_add(l, ", ");
    strace_add_value(k, type, a[1]);
}

/* ---- sockets ---- */

void strace_add_sockaddr(struct call *k, uint32_t a, uint32_t len)
{
    union { struct sockaddr_un un; struct sockaddr_in in; struct sockaddr_in6 in6;
            struct { uint16_t family, pad; uint32_t pid, groups; } nl; uint8_t b[130]; } s;
    char text[INET6_ADDRSTRLEN];
    struct line *l = k->l;
    memset(&s, 0, sizeof s);
    if (!a || len < 2 || mem_read(&s, a, len < sizeof s.un ? len : sizeof s.un)) {
        strace_add_address(l, a);
        return;
    }
    strace_add(l, "{sa_family=");
    strace_add_one(l, "af", s.un.sun_family);
    if (s.un.sun_family == AF_UNIX && len > 2) {
        size_t n = (len < sizeof s.un ? len : sizeof s.un) - 2;
        bool abstract = !s.un.sun_path[0];
        strace_add(l, abstract ? ", sun_path=@" : ", sun_path=");
        strace_add_quoted(l, (uint8_t *)s.un.sun_path + abstract,
                          abstract ? n - 1 : strnlen(s.un.sun_path, n), false);
    } else if (s.un.sun_family == AF_INET && len >= sizeof s.in) {
        strace_add(l, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")", ntohs(s.in.sin_port),
                   inet_ntop(AF_INET, &s.in.sin_addr, text, sizeof text));
    } else if (s.un.sun_family == AF_INET6 && len >= 24) {
        strace_add(l, ", sin6_port=htons(%u), sin6_flowinfo=htonl(%u), inet_pton(AF_INET6, \"%s\", "
                   "&sin6_addr)", ntohs(s.in6.sin6_port), ntohl(s.in6.sin6_flowinfo),
                   inet_ntop(AF_INET6, &s.in6.sin6_addr, text, sizeof text));
        if (len >= 28)
            strace_add(l, ", sin6_scope_id=%u", s.in6.sin6_scope_id);
    } else if (s.un.sun_family == AF_NETLINK && len >= 12) {
        strace_add(l, ", nl_pid=%d, nl_groups=%08x", (int)s.nl.pid, s.nl.groups);
    } else if (len > 2) {
        strace_add(l, ", sa_data=");
        strace_add_quoted(l, s.b + 2, (len < sizeof s.un ? len : sizeof s.un) - 2, false);
    }
    strace_add(l, "}");
}

static void add_cmsg(struct call *k, uint32_t a, const struct i386_cmsghdr *h)
{
    struct line *l = k->l;
    uint32_t n = h->len < 12 ? 0 : h->len - 12, fds[32];
    strace_add(l, "{cmsg_len=%u, cmsg_level=", h->len);
    strace_add_one(l, "sol", (uint32_t)h->level);
    strace_add(l, ", cmsg_type=");
    if (h->level == SOL_SOCKET)
        strace_add_one(l, "scm", (uint32_t)h->type);
    else
        strace_add(l, "%#x", (uint32_t)h->type);
    if (n)
        strace_add(l, ", cmsg_data=");
    if (h->level == SOL_SOCKET && h->type == SCM_RIGHTS && n && n <= sizeof fds &&
        !mem_read(fds, a + 12, n)) {
        strace_add(l, "[");
        for (uint32_t i = 0; i < n / 4; i++)
            strace_add(l, i ? ", %d" : "%d", (int)fds[i]);
        strace_add(l, "]");
    } else if (h->level == SOL_SOCKET && h->type == 2 && n == 12) {
        strace_add_value(k, "*ucred", a + 12);
    } else if (n) {
        strace_add_bytes(k, a + 12, n);
    }
    strace_add(l, "}");
}

void strace_add_msghdr(struct call *k, uint32_t a)
{
    struct i386_msghdr m;
    struct i386_cmsghdr h;
    struct line *l = k->l;
    if (mem_read(&m, a, sizeof m)) {
        strace_add_address(l, a);
        return;
    }
    bool sending = !strncmp(syscalls_table[k->c->nr].name, "send", 4);
    strace_add(l, "{msg_name=");
    if (m.name)
        strace_add_sockaddr(k, m.name, m.namelen);
    else
        strace_add(l, "NULL");
    strace_add(l, ", msg_namelen=%d, msg_iov=", (int)m.namelen);
    struct sysctx c = {.t = k->c->t, .nr = k->c->nr, .a = {0, m.iov, m.iovlen}};
    const struct sysctx *was = k->c;
    unsigned g = k->g;
    k->c = &c;
    k->g = 1;
    strace_add_value(k, sending ? "*[iovec/n" : ">[iovec/n", m.iov);
    k->c = was;
    k->g = g;
    strace_add(l, ", msg_iovlen=%u", m.iovlen);
    if (m.control && m.controllen >= 12 && mem_read(&h, m.control, 12)) {
        strace_add(l, ", msg_control=%#x", m.control);
    } else if (m.control && m.controllen >= 12) {
        strace_add(l, ", msg_control=[");
        for (uint32_t at = 0; at + 12 <= m.controllen && !mem_read(&h, m.control + at, 12);
             at += (h.len + 3) & ~3u) {
            strace_add(l, at ? ", " : "");
            bool cut = h.len > m.controllen - at;
            h.len = cut ? m.controllen - at : h.len;
            add_cmsg(k, m.control + at, &h);
            if (h.len < 12 || cut)
                break;
        }
        strace_add(l, "]");
    }
    strace_add(l, ", msg_controllen=%u, msg_flags=", m.controllen);
    strace_add_set(l, "msg", m.flags);
    strace_add(l, "}");
}

static const char *option_list(uint32_t level)
{
    switch (level) {
    case SOL_SOCKET: return "so";
    case IPPROTO_TCP: return "tcp";
    case IPPROTO_IP: return "ip";
    case IPPROTO_IPV6: return "ipv6";
    default: return NULL;
    }
}

/* The value of an option at `a`, `len` bytes. */
static void add_option_value(struct call *k, uint32_t a, uint32_t len)
{
    uint32_t level = k->c->a[1], name = k->c->a[2];
    bool timeout = level == SOL_SOCKET && (name == 20 || name == 21 || name >= 66);
    bool text = level == SOL_SOCKET && name == SO_BINDTODEVICE;
    if (level == SOL_SOCKET && name == SO_LINGER && len == 8)
        strace_add_value(k, "*linger", a);
    else if (level == SOL_SOCKET && name == SO_PEERCRED && len == 12)
        strace_add_value(k, "*ucred", a);
    else if (len == 4 && !timeout && !text)
        strace_add_value(k, "*d", a);
    else
        strace_add_bytes(k, a, len);
}

static void add_option_name(struct call *k)
{
    const char *list = option_list(k->c->a[1]);
    if (list)
        strace_add_one(k->l, list, k->c->a[2]);
    else
        strace_add(k->l, "%u", k->c->a[2]);
    strace_add(k->l, ", ");
}

static void s_setsockopt(struct call *k)
{
    add_option_name(k);
    add_option_value(k, k->c->a[3], k->c->a[4]);
    strace_add(k->l, ", %u", k->c->a[4]);
}

static void s_getsockopt(struct call *k)
{
    uint32_t len;
    add_option_name(k);
    if (k->ret < 0 || mem_read32(k->c->a[4], &len))
        strace_add_address(k->l, k->c->a[3]);
    else
        add_option_value(k, k->c->a[3], len);
    strace_add(k->l, ", ");
    strace_add_value(k, "*d", k->c->a[4]);
}

/* ---- siginfo ---- */

static uint32_t word_at(const uint8_t *p, unsigned off)
{
    uint32_t v;
    memcpy(&v, p + off, 4);
    return v;
}

static void add_code(struct line *l, uint32_t sig, int code)
{
    static const struct { uint8_t sig; const char *list; } lists[] = {
        {SIGILL, "code_ill"}, {SIGFPE, "code_fpe"}, {SIGSEGV, "code_segv"}, {SIGBUS, "code_bus"},
        {SIGTRAP, "code_trap"}, {SIGCHLD, "code_chld"}, {SIGPOLL, "code_poll"}, {SIGSYS, "code_sys"}};
    const char *name = strace_one_name("si_code", (uint32_t)code);
    for (size_t i = 0; i < ARRAY_SIZE(lists) && !name && code > 0; i++)
        if (lists[i].sig == sig)
            name = strace_one_name(lists[i].list, (uint32_t)code);
    if (name)
        strace_add(l, "%s", name);
    else
        strace_add(l, "%#x", (uint32_t)code);
}

static void add_value(struct line *l, uint32_t v)
{
    strace_add(l, ", si_int=%d, si_ptr=", (int)v);
    strace_add_address(l, v);
}

void strace_add_siginfo(struct line *l, const uint8_t si[128])
{
    uint32_t sig = word_at(si, 0), w3 = word_at(si, 12), w4 = word_at(si, 16), w5 = word_at(si, 20);
    int code = (int)word_at(si, 8);
    if (!sig) {
        strace_add(l, "{}");
        return;
    }
    strace_add(l, "{si_signo=");
    strace_add_signal(l, sig);
    strace_add(l, ", si_code=");
    add_code(l, sig, code);
    if (word_at(si, 4) && word_at(si, 4) < 4096)
        strace_add(l, ", si_errno=%u", word_at(si, 4));
    if (code == SI_TIMER) {
        strace_add(l, w3 ? ", si_timerid=%#x, si_overrun=%u" : ", si_timerid=%u, si_overrun=%u", w3, w4);
        add_value(l, w5);
    } else if (code == SI_KERNEL) {
        /* nothing behind it means anything */
    } else if (code == SI_USER || code == SI_TKILL) {
        strace_add(l, ", si_pid=%u, si_uid=%u", w3, w4);
    } else if (code > 0 && sig == SIGCHLD) {
        strace_add(l, ", si_pid=%u, si_uid=%u, si_status=", w3, w4);
        if (code == CLD_EXITED)
            strace_add(l, "%d", (int)w5);
        else
            strace_add_signal(l, w5);
        strace_add(l, ", si_utime=%u, si_stime=%u", word_at(si, 24), word_at(si, 28));
    } else if (code > 0 && (sig == SIGILL || sig == SIGFPE || sig == SIGSEGV || sig == SIGBUS ||
                            sig == SIGTRAP)) {
        strace_add(l, ", si_addr=");
        strace_add_address(l, w3);
    } else if (code > 0 && sig == SIGPOLL) {
        strace_add(l, ", si_band=%d, si_fd=%d", (int)w3, (int)w4);
    } else if (code > 0 && sig == SIGSYS) {
        strace_add(l, ", si_call_addr=%#x, si_syscall=%u, si_arch=%#x", w3, w4, w5);
    } else {
        strace_add(l, ", si_pid=%u, si_uid=%u", w3, w4);
        add_value(l, w5);
    }
    strace_add(l, "}");
}

bool strace_special(struct call *k, const char *name, size_t len)
{
    static const struct { const char *name; void (*fn)(struct call *k); } all[] = {
        {"fcntl", s_fcntl}, {"ioctl", s_ioctl}, {"futex", s_futex}, {"clone", s_clone},
        {"clone3", s_clone3}, {"sigreturn", s_sigreturn}, {"oldmmap", s_oldmmap},
        {"prctl", s_prctl}, {"setsockopt", s_setsockopt}, {"getsockopt", s_getsockopt}};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strlen(all[i].name) == len && !memcmp(all[i].name, name, len)) {
            all[i].fn(k);
            return true;
        }
    return false;
}
