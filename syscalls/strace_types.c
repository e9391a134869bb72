/* Values as strace prints them: lists of constants, structures and the types of strace_calls.def. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/strace.h"

#ifndef CLONE_DETACHED
#define CLONE_DETACHED 0x400000
#endif

/* ---- lists ---- */

#define V(c) {(uint32_t)(c), #c},
#define N(v, s) {(uint32_t)(v), s},
#define SET(name, unknown, ...) static const struct flag list_##name[] = {__VA_ARGS__};
#define ONE(name, unknown, ...) static const struct flag list_##name[] = {__VA_ARGS__};
#include "syscalls/strace_lists.def"
#undef SET
#undef ONE
static const struct list lists[] = {
#define SET(name, unknown, ...) {#name, unknown, list_##name, ARRAY_SIZE(list_##name), true},
#define ONE(name, unknown, ...) {#name, unknown, list_##name, ARRAY_SIZE(list_##name), false},
#include "syscalls/strace_lists.def"
#undef SET
#undef ONE
};
#undef V
#undef N

const struct list *strace_list(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        if (strlen(lists[i].name) == len && !memcmp(lists[i].name, name, len))
            return &lists[i];
    return NULL;
}

static void add_set(struct line *l, const struct list *t, uint32_t v)
{
    const char *sep = "";
    uint32_t left = v;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t bits = t->f[i].value;
        if (bits ? (left & bits) == bits : !v) {
            strace_add(l, "%s%s", sep, t->f[i].name);
            left &= ~bits;
            sep = "|";
            if (!v)
                return;
        }
    }
    if (left && *sep)
        strace_add(l, "|%#x", left);
    else if (left)
        strace_add(l, "%#x /* %s */", left, t->unknown);
    else if (!v)
        strace_add(l, "0");
}

void strace_add_set(struct line *l, const char *list, uint64_t v)
{
    const struct list *t = strace_list(list, strlen(list));
    if (t)
        add_set(l, t, (uint32_t)v);
    else
        strace_add(l, v ? "%#x" : "%u", (uint32_t)v);
}

const char *strace_one_name(const char *list, uint32_t v)
{
    const struct list *t = strace_list(list, strlen(list));
    for (size_t i = 0; t && i < t->n; i++)
        if (t->f[i].value == v)
            return t->f[i].name;
    return NULL;
}

static void add_one(struct line *l, const struct list *t, uint32_t v)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->f[i].value == v) {
            strace_add(l, "%s", t->f[i].name);
            return;
        }
    strace_add(l, "%#x /* %s */", v, t->unknown);
}

void strace_add_one(struct line *l, const char *list, uint32_t v)
{
    add_one(l, strace_list(list, strlen(list)), v);
}

/* ---- scalars ---- */

void strace_add_address(struct line *l, uint32_t a)
{
    strace_add(l, a ? "%#x" : "NULL", a);
}

static const char *signal_name(uint32_t sig, char buf[16])
{
    const char *name = sig < 32 ? sigabbrev_np((int)sig) : NULL;
    if (name)
        return sig == SIGIO ? "IO" : name;
    if (sig < 32 || sig > 64)
        return NULL;
    snprintf(buf, 16, sig == 32 ? "RTMIN" : "RT_%u", sig - 32);
    return buf;
}

void strace_add_signal(struct line *l, uint32_t sig)
{
    char buf[16];
    const char *name = sig ? signal_name(sig, buf) : NULL;
    if (name)
        strace_add(l, "SIG%s", name);
    else
        strace_add(l, "%d", (int)sig);
}

void strace_add_sigset(struct line *l, uint64_t m)
{
    const char *sep = "";
    char buf[16];
    bool invert = __builtin_popcountll(m) >= 43; /* two thirds of 64, as strace has it */
    strace_add(l, invert ? "~[" : "[");
    for (uint32_t sig = 1; sig <= NSIG_GUEST; sig++)
        if ((m >> (sig - 1) & 1) != invert) {
            strace_add(l, "%s%s", sep, signal_name(sig, buf));
            sep = " ";
        }
    strace_add(l, "]");
}

void strace_add_date(char *buf, size_t size, int64_t t, long usec)
{
    time_t host = (time_t)t;
    struct tm tm;
    char zone[16];
    buf[0] = 0;
    if (!t || !localtime_r(&host, &tm))
        return;
    size_t n = strftime(buf, size, "%FT%T", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    snprintf(buf + n, size - n, usec ? ".%06ld%s" : "%.0ld%s", usec, zone);
}

static void p_d(struct call *k, uint64_t v) { strace_add(k->l, "%lld", (long long)v); }
static void p_u(struct call *k, uint64_t v) { strace_add(k->l, "%llu", (unsigned long long)v); }
static void p_x(struct call *k, uint64_t v) { strace_add(k->l, v ? "%#llx" : "0", (unsigned long long)v); }
static void p_p(struct call *k, uint64_t v) { strace_add_address(k->l, (uint32_t)v); }
static void p_mode(struct call *k, uint64_t v) { strace_add(k->l, "%#03o", (unsigned)v); }
static void p_sig(struct call *k, uint64_t v) { strace_add_signal(k->l, (uint32_t)v); }
static void p_sigset(struct call *k, uint64_t v) { strace_add_sigset(k->l, v); }
static void p_uid(struct call *k, uint64_t v)
{
    strace_add(k->l, (uint32_t)v == UINT32_MAX ? "-1" : "%u", (uint32_t)v);
}
static void p_uid16(struct call *k, uint64_t v)
{
    strace_add(k->l, (uint16_t)v == UINT16_MAX ? "-1" : "%u", (uint16_t)v);
}

static void p_dirfd(struct call *k, uint64_t v)
{
    if ((uint32_t)v == (uint32_t)AT_FDCWD)
        strace_add(k->l, "AT_FDCWD");
    else
        strace_add(k->l, "%d", (int)v);
}

static void p_key(struct call *k, uint64_t v)
{
    if (v)
        strace_add(k->l, "%#x", (uint32_t)v);
    else
        strace_add(k->l, "IPC_PRIVATE");
}

/* Flags in the upper bits, a mode in the lower nine. */
static void p_ipcget(struct call *k, uint64_t v)
{
    if (v & ~0777u) {
        strace_add_set(k->l, "ipcget", v & ~0777u);
        strace_add(k->l, "|");
    }
    p_mode(k, v & 0777);
}

static void p_open(struct call *k, uint64_t v)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    strace_add(k->l, "%s", modes[v & 3]);
    if (v & ~UINT64_C(3)) {
        strace_add(k->l, "|");
        strace_add_set(k->l, "open", v & ~UINT64_C(3));
    }
}

static void p_stmode(struct call *k, uint64_t v)
{
    static const struct { uint32_t bits; const char *name; } types[] = {
        {S_IFREG, "S_IFREG"}, {S_IFDIR, "S_IFDIR"}, {S_IFCHR, "S_IFCHR"}, {S_IFBLK, "S_IFBLK"},
        {S_IFIFO, "S_IFIFO"}, {S_IFLNK, "S_IFLNK"}, {S_IFSOCK, "S_IFSOCK"}};
    static const struct { uint32_t bit; const char *name; } sticky[] = {
        {S_ISUID, "S_ISUID"}, {S_ISGID, "S_ISGID"}, {S_ISVTX, "S_ISVTX"}};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if ((v & S_IFMT) == types[i].bits)
            strace_add(k->l, "%s|", types[i].name);
    for (size_t i = 0; i < ARRAY_SIZE(sticky); i++)
        if (v & sticky[i].bit)
            strace_add(k->l, "%s|", sticky[i].name);
    p_mode(k, v & 0777);
}

static void add_dev(struct line *l, uint64_t v)
{
    strace_add(l, "makedev(%#x, %#x)", (unsigned)(v >> 8 & 0xfff),
               (unsigned)((v & 0xff) | (v >> 12 & 0xfff00)));
}

static void add_limit(struct line *l, uint64_t v, uint64_t infinity, const char *name)
{
    if (v == infinity)
        strace_add(l, "%s", name);
    else if (v > 1024 && v % 1024 == 0)
        strace_add(l, "%llu*1024", (unsigned long long)(v / 1024));
    else
        strace_add(l, "%llu", (unsigned long long)v);
}
static void p_rlim(struct call *k, uint64_t v)
{
    add_limit(k->l, (uint32_t)v, UINT32_MAX, "RLIM_INFINITY");
}
static void p_rlim64(struct call *k, uint64_t v) { add_limit(k->l, v, UINT64_MAX, "RLIM64_INFINITY"); }

static void p_date(struct call *k, uint64_t v)
{
    char text[48];
    strace_add_date(text, sizeof text, (int32_t)v, 0);
    strace_add(k->l, *text ? "%d /* %s */" : "%d", (int)v, text);
}

static void p_handler(struct call *k, uint64_t v)
{
    if (v == 0 || v == 1)
        strace_add(k->l, v ? "SIG_IGN" : "SIG_DFL");
    else
        strace_add(k->l, "%#x", (uint32_t)v);
}

static void p_socktype(struct call *k, uint64_t v)
{
    strace_add_one(k->l, "sock", v & 0xf ? (uint32_t)v & ~02004000u : (uint32_t)v);
    if (v & 02000000)
        strace_add(k->l, "|SOCK_CLOEXEC");
    if (v & 04000)
        strace_add(k->l, "|SOCK_NONBLOCK");
}

static void p_sockflags(struct call *k, uint64_t v)
{
    if (!v || v & ~UINT64_C(02004000)) {
        strace_add(k->l, v ? "%#x /* SOCK_??? */" : "0", (unsigned)v);
        return;
    }
    strace_add(k->l, "%s%s%s", v & 02000000 ? "SOCK_CLOEXEC" : "", v == 02004000 ? "|" : "",
               v & 04000 ? "SOCK_NONBLOCK" : "");
}

static void p_proto(struct call *k, uint64_t v)
{
    uint32_t family = k->c->a[0];
    if (family == AF_INET || family == AF_INET6)
        strace_add_one(k->l, "ipproto", (uint32_t)v);
    else if (family == AF_NETLINK)
        strace_add_one(k->l, "netlink", (uint32_t)v);
    else
        p_u(k, v);
}

static void p_statx_flags(struct call *k, uint64_t v)
{
    static const char *const sync[] = {"AT_STATX_SYNC_AS_STAT", "AT_STATX_FORCE_SYNC",
                                       "AT_STATX_DONT_SYNC", "AT_STATX_SYNC_TYPE"};
    strace_add(k->l, "%s", sync[v >> 13 & 3]);
    if (v & ~UINT64_C(0x6000)) {
        strace_add(k->l, "|");
        strace_add_set(k->l, "at", v & ~UINT64_C(0x6000));
    }
}

static void p_ipcctl(struct call *k, uint64_t v)
{
    strace_add(k->l, v & 0x100 ? "IPC_64|" : "");
    strace_add_one(k->l, "ipcctl", (uint32_t)v & ~0x100u);
}
/* Addresses of another process. */
static void p_remoteiov(struct call *k, uint64_t v)
{
    uint32_t w[2], n = k->g + 1 < 6 ? k->c->a[k->g + 1] : 0;
    if (!v || mem_read(w, (gaddr)v, n ? sizeof w : 0)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < n && !mem_read(w, (gaddr)v + i * 8, sizeof w); i++) {
        strace_add(k->l, i ? ", " : "");
        if (i == 32) {
            strace_add(k->l, "...");
            break;
        }
        strace_add(k->l, "{iov_base=");
        strace_add_address(k->l, w[0]);
        strace_add(k->l, ", iov_len=%u}", w[1]);
    }
    strace_add(k->l, "]");
}
static void p_pgoff(struct call *k, uint64_t v) { p_x(k, (v & UINT32_MAX) << 12); }
static void p_persona(struct call *k, uint64_t v)
{
    const char *name = strace_one_name("persona", (uint32_t)v);
    if (name)
        strace_add(k->l, "%s", name);
    else
        strace_add(k->l, "%#x", (uint32_t)v);
}
static void p_mqflags(struct call *k, uint64_t v)
{
    strace_add(k->l, v == 04000 ? "O_NONBLOCK" : v ? "%#x" : "0", (unsigned)v);
}

/* ---- types that get an address and read memory themselves ---- */

static void p_path(struct call *k, uint64_t v)
{
    uint8_t s[PATH_MAX];
    int n = mem_read_str((char *)s, (gaddr)v, sizeof s);
    if (n == -EFAULT)
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add_quoted(k->l, s, n < 0 ? sizeof s - 1 : (size_t)n, n < 0);
}

static uint32_t string_max(void)
{
    return opt.strace_strings < 1024 ? opt.strace_strings : 1024;
}

static void p_str(struct call *k, uint64_t v)
{
    uint8_t s[1026];
    uint32_t max = string_max();
    int n = mem_read_str((char *)s, (gaddr)v, max + 1);
    if (n == -EFAULT)
        strace_add_address(k->l, (uint32_t)v);
    else if (n < 0 && !mem_read(s, (gaddr)v, max))
        strace_add_quoted(k->l, s, max, true);
    else
        strace_add_quoted(k->l, s, (size_t)n, false);
}

void strace_add_bytes(struct call *k, uint32_t a, uint32_t n)
{
    uint8_t s[1024];
    uint32_t m = n < string_max() ? n : string_max();
    if (!a || mem_read(s, a, m))
        strace_add_address(k->l, a);
    else
        strace_add_quoted(k->l, s, m, n > m);
}

static uint32_t next_arg(const struct call *k)
{
    return k->g + 1 < 6 ? k->c->a[k->g + 1] : 0;
}

static void p_buf(struct call *k, uint64_t v) { strace_add_bytes(k, (uint32_t)v, next_arg(k)); }

static void p_obuf(struct call *k, uint64_t v)
{
    if (k->ret < 0)
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add_bytes(k, (uint32_t)v, (uint32_t)k->ret);
}

static void p_ohex(struct call *k, uint64_t v)
{
    uint8_t s[1024];
    uint32_t n = k->ret < 0 ? 0 : (uint32_t)k->ret, m = n < string_max() ? n : string_max();
    if (k->ret < 0 || mem_read(s, (gaddr)v, m)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "\"");
    for (uint32_t i = 0; i < m; i++)
        strace_add(k->l, "\\x%02x", s[i]);
    strace_add(k->l, n > m ? "\"..." : "\"");
}

static void p_oxattr(struct call *k, uint64_t v)
{
    if (k->ret < 0 || !next_arg(k))
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add_bytes(k, (uint32_t)v, (uint32_t)k->ret);
}

static void p_ostr(struct call *k, uint64_t v)
{
    if (k->ret < 0)
        strace_add_address(k->l, (uint32_t)v);
    else
        p_path(k, v);
}

static void p_fdpair(struct call *k, uint64_t v)
{
    int32_t fd[2];
    if (mem_read(fd, (gaddr)v, sizeof fd))
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add(k->l, "[%d, %d]", fd[0], fd[1]);
}

static void p_timevaldate(struct call *k, uint64_t v)
{
    int32_t t[2] = {(int32_t)v, (int32_t)(v >> 32)};
    char text[48];
    strace_add_date(text, sizeof text, t[0], t[1]);
    strace_add(k->l, *text ? "{tv_sec=%d, tv_usec=%u} /* %s */" : "{tv_sec=%d, tv_usec=%u}", t[0],
               (unsigned)t[1], text);
}

static void add_utimens(struct line *l, int64_t sec, uint32_t nsec)
{
    char text[48];
    if (nsec == UTIME_NOW || nsec == UTIME_OMIT) {
        strace_add(l, nsec == UTIME_NOW ? "UTIME_NOW" : "UTIME_OMIT");
        return;
    }
    time_t host = (time_t)sec;
    struct tm tm;
    strace_add(l, "{tv_sec=%lld, tv_nsec=%u}", (long long)sec, nsec);
    if (!sec || !localtime_r(&host, &tm))
        return;
    size_t n = strftime(text, sizeof text, "%FT%T", &tm);
    text[n] = 0;
    char zone[16];
    strftime(zone, sizeof zone, "%z", &tm);
    strace_add(l, nsec ? " /* %s.%09u%s */" : " /* %s%.0u%s */", text, nsec, zone);
}
static void p_utimens(struct call *k, uint64_t v)
{
    add_utimens(k->l, (int32_t)v, (uint32_t)(v >> 32));
}

static void p_epdata(struct call *k, uint64_t v)
{
    strace_add(k->l, "{u32=%u, u64=%llu}", (uint32_t)v, (unsigned long long)v);
}
static void p_fsid(struct call *k, uint64_t v)
{
    strace_add(k->l, "{val=[");
    p_x(k, (uint32_t)v);
    strace_add(k->l, ", ");
    p_x(k, v >> 32);
    strace_add(k->l, "]}");
}

/* A flag, not an error of sigset's: argument 6 of pselect6 points to an address and a size. */
static void p_sigsetarg(struct call *k, uint64_t v)
{
    uint32_t w[2];
    if (mem_read(w, (gaddr)v, sizeof w)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "{sigmask=");
    strace_add_value(k, "*sigset", w[0]);
    strace_add(k->l, ", sigsetsize=%u}", w[1]);
}

static void p_wstatus(struct call *k, uint64_t v)
{
    uint32_t st;
    if (k->ret <= 0 || mem_read32((gaddr)v, &st)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    if (WIFEXITED(st)) {
        strace_add(k->l, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", WEXITSTATUS(st));
    } else if (WIFSTOPPED(st)) {
        strace_add(k->l, "[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        strace_add_signal(k->l, (uint32_t)WSTOPSIG(st));
        strace_add(k->l, "}]");
    } else if (WIFSIGNALED(st)) {
        strace_add(k->l, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        strace_add_signal(k->l, (uint32_t)WTERMSIG(st));
        strace_add(k->l, WCOREDUMP(st) ? " && WCOREDUMP(s)}]" : "}]");
    } else {
        strace_add(k->l, WIFCONTINUED(st) ? "[{WIFCONTINUED(s)}]" : "[%#x]", st);
    }
}

static void p_siginfo(struct call *k, uint64_t v)
{
    uint8_t si[128];
    if (mem_read(si, (gaddr)v, sizeof si))
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add_siginfo(k->l, si);
}

static void p_sigevent(struct call *k, uint64_t v)
{
    uint32_t w[4];
    if (mem_read(w, (gaddr)v, sizeof w)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "{sigev_value={sival_int=%d, sival_ptr=", (int)w[0]);
    strace_add_address(k->l, w[0]);
    strace_add(k->l, "}, sigev_signo=");
    strace_add_signal(k->l, w[1]);
    strace_add(k->l, ", sigev_notify=");
    strace_add_one(k->l, "sigev", w[2]);
    if (w[2] == SIGEV_THREAD_ID)
        strace_add(k->l, ", sigev_notify_thread_id=%d", (int)w[3]);
    strace_add(k->l, "}");
}

static void add_action(struct call *k, uint32_t handler, uint64_t mask, bool old, uint32_t flags,
                       uint32_t restorer)
{
    strace_add(k->l, "{sa_handler=");
    p_handler(k, handler);
    strace_add(k->l, ", sa_mask=");
    strace_add_sigset(k->l, old ? mask & UINT32_MAX : mask);
    strace_add(k->l, ", sa_flags=");
    strace_add_set(k->l, "sa", flags);
    if (flags & 0x4000000)
        strace_add(k->l, ", sa_restorer=%#x", restorer);
    strace_add(k->l, "}");
}
static void p_sigaction(struct call *k, uint64_t v)
{
    struct i386_sigaction sa;
    if (mem_read(&sa, (gaddr)v, sizeof sa))
        strace_add_address(k->l, (uint32_t)v);
    else
        add_action(k, sa.handler, sa.mask, false, sa.flags, sa.restorer);
}
static void p_oldsigaction(struct call *k, uint64_t v)
{
    struct i386_old_sigaction sa;
    if (mem_read(&sa, (gaddr)v, sizeof sa))
        strace_add_address(k->l, (uint32_t)v);
    else
        add_action(k, sa.handler, sa.mask, true, sa.flags, sa.restorer);
}

static void p_userdesc(struct call *k, uint64_t v)
{
    struct guest_user_desc d;
    if (mem_read(&d, (gaddr)v, sizeof d)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    /* set_thread_area prints what was asked for, though the kernel has filled in the number */
    strace_add(k->l, "{entry_number=%d, base_addr=%#x, limit=0x%06x, seg_32bit=%u, contents=%u, "
               "read_exec_only=%u, limit_in_pages=%u, seg_not_present=%u, useable=%u}",
               (int)d.entry_number, d.base_addr, d.limit, d.flags & 1, d.flags >> 1 & 3,
               d.flags >> 3 & 1, d.flags >> 4 & 1, d.flags >> 5 & 1, d.flags >> 6 & 1);
}

static void p_sockaddr(struct call *k, uint64_t v)
{
    uint32_t len = next_arg(k);
    if (k->done && mem_read32(len, &len))
        len = 0;
    strace_add_sockaddr(k, (uint32_t)v, len);
}

static void p_msghdr(struct call *k, uint64_t v) { strace_add_msghdr(k, (uint32_t)v); }

static void p_cpus(struct call *k, uint64_t v, uint32_t size)
{
    uint8_t bits[128];
    const char *sep = "";
    size = size < sizeof bits ? size : sizeof bits;
    if (!v || mem_read(bits, (gaddr)v, size)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < size * 8; i++)
        if (bits[i / 8] >> (i % 8) & 1) {
            strace_add(k->l, "%s%u", sep, i);
            sep = " ";
        }
    strace_add(k->l, "]");
}
static void p_incpus(struct call *k, uint64_t v) { p_cpus(k, v, k->c->a[1]); }
static void p_ocpus(struct call *k, uint64_t v)
{
    if (k->ret < 0)
        strace_add_address(k->l, (uint32_t)v);
    else
        p_cpus(k, v, (uint32_t)k->ret);
}

static void p_mincore(struct call *k, uint64_t v)
{
    uint8_t bits[32];
    uint32_t n = (k->c->a[1] + 4095) / 4096, m = n < 32 ? n : 32;
    if (mem_read(bits, (gaddr)v, m)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < m; i++)
        strace_add(k->l, "%s%u", i ? ", " : "", bits[i] & 1);
    strace_add(k->l, n > m ? ", ...]" : "]");
}

static void add_entries(struct call *k, uint32_t a, unsigned off_reclen)
{
    unsigned n = 0;
    uint16_t len;
    strace_add_address(k->l, a);
    if (k->ret < 0)
        return;
    for (uint32_t at = 0; at < (uint32_t)k->ret; at += len, n++)
        if (mem_read(&len, a + at + off_reclen, 2) || !len)
            break;
    strace_add(k->l, " /* %u entries */", n);
}
static void p_odents(struct call *k, uint64_t v) { add_entries(k, (uint32_t)v, 8); }
static void p_odents64(struct call *k, uint64_t v) { add_entries(k, (uint32_t)v, 16); }

static void p_strings(struct call *k, uint64_t v)
{
    uint32_t p;
    if (!v || mem_read32((gaddr)v, &p)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (unsigned i = 0; !mem_read32((gaddr)v + i * 4, &p) && p; i++) {
        strace_add(k->l, i ? ", " : "");
        if (i == 32) {
            strace_add(k->l, "...");
            break;
        }
        p_str(k, p);
    }
    strace_add(k->l, "]");
}
static void p_envp(struct call *k, uint64_t v)
{
    uint32_t p, n = 0;
    strace_add_address(k->l, (uint32_t)v);
    if (!v)
        return;
    while (!mem_read32((gaddr)v + n * 4, &p) && p)
        n++;
    strace_add(k->l, " /* %u var%s */", n, n == 1 ? "" : "s");
}

static void p_pollfds(struct call *k, uint64_t v)
{
    struct i386_pollfd p;
    uint32_t n = next_arg(k);
    if (!v || (n && mem_read(&p, (gaddr)v, sizeof p))) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < n && !mem_read(&p, (gaddr)v + i * 8, sizeof p); i++) {
        if (i == 32) {
            strace_add(k->l, ", ...");
            break;
        }
        strace_add(k->l, i ? ", {fd=%d" : "{fd=%d", p.fd);
        if (p.fd >= 0) {
            strace_add(k->l, ", events=");
            strace_add_set(k->l, "poll", (uint16_t)p.events);
        }
        strace_add(k->l, "}");
    }
    strace_add(k->l, "]");
}

static void p_fdset(struct call *k, uint64_t v)
{
    uint32_t n = k->c->a[0] < 1024 ? k->c->a[0] : 1024, w = 0;
    const char *sep = "";
    if (!v || (n && mem_read32((gaddr)v, &w))) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < n; i++) {
        if (i % 32 == 0 && mem_read32((gaddr)v + i / 8, &w))
            break;
        if (w >> (i % 32) & 1) {
            strace_add(k->l, "%s%u", sep, i);
            sep = " ";
        }
    }
    strace_add(k->l, "]");
}

static void p_msgbuf(struct call *k, uint64_t v)
{
    int32_t type;
    uint32_t n = k->done ? (uint32_t)k->ret : next_arg(k);
    if ((k->done && k->ret < 0) || mem_read(&type, (gaddr)v, 4)) {
        strace_add_address(k->l, (uint32_t)v);
        return;
    }
    strace_add(k->l, "{mtype=%d, mtext=", type);
    strace_add_bytes(k, (uint32_t)v + 4, n);
    strace_add(k->l, "}");
}

static void p_timespec_left(struct call *k, uint64_t v, const char *type)
{
    bool left = sysret_restarts(k->ret);
    if (left && v)
        strace_add_value(k, type, v);
    else
        strace_add_address(k->l, (uint32_t)v);
}
static void p_remain(struct call *k, uint64_t v) { p_timespec_left(k, v, "*timespec"); }
static void p_remain64(struct call *k, uint64_t v) { p_timespec_left(k, v, "*timespec64"); }

static void p_offset(struct call *k, uint64_t v)
{
    int32_t o;
    if (mem_read(&o, (gaddr)v, 4))
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add(k->l, "[%d]", o);
}
static void p_offset64(struct call *k, uint64_t v)
{
    int64_t o;
    if (mem_read(&o, (gaddr)v, 8))
        strace_add_address(k->l, (uint32_t)v);
    else
        strace_add(k->l, "[%lld]", (long long)o);
}

static void p_mmsghdr(struct call *k, uint64_t v)
{
    uint32_t len;
    strace_add(k->l, "{msg_hdr=");
    strace_add_msghdr(k, (uint32_t)v);
    if (!mem_read32((gaddr)v + 28, &len))
        strace_add(k->l, ", msg_len=%u", len);
    strace_add(k->l, "}");
}

/* ---- the table of types ---- */

enum how { SCALAR, BARE /* a scalar, not in [] behind a pointer */, MEMORY /* gets an address */ };
struct type {
    const char *name;
    uint8_t size, how;
    bool is_signed;
    void (*print)(struct call *k, uint64_t v);
};

static const struct type types[] = {
    {"d", 4, SCALAR, true, p_d}, {"u", 4, SCALAR, false, p_u}, {"x", 4, SCALAR, false, p_x},
    {"p", 4, SCALAR, false, p_p}, {"d8", 8, SCALAR, true, p_d}, {"u8", 8, SCALAR, false, p_u},
    {"u2", 2, SCALAR, false, p_u}, {"d2", 2, SCALAR, true, p_d}, {"fd", 4, SCALAR, true, p_d},
    {"dirfd", 4, SCALAR, true, p_dirfd}, {"mode", 4, SCALAR, false, p_mode},
    {"stmode", 4, SCALAR, false, p_stmode}, {"stmode2", 2, SCALAR, false, p_stmode},
    {"open", 4, SCALAR, false, p_open}, {"sig", 4, SCALAR, false, p_sig},
    {"sigset", 8, BARE, false, p_sigset}, {"sigset4", 4, BARE, false, p_sigset},
    {"uid", 4, SCALAR, false, p_uid}, {"uid16", 4, SCALAR, false, p_uid16},
    {"uid2", 2, SCALAR, false, p_uid16}, {"key", 4, SCALAR, false, p_key},
    {"rlim", 4, SCALAR, false, p_rlim}, {"rlim64", 8, SCALAR, false, p_rlim64},
    {"date", 4, SCALAR, true, p_date}, {"handler", 4, SCALAR, false, p_handler},
    {"socktype", 4, SCALAR, false, p_socktype}, {"sockflags", 4, SCALAR, false, p_sockflags},
    {"proto", 4, SCALAR, false, p_proto}, {"pgoff", 4, SCALAR, false, p_pgoff},
    {"statx_flags", 4, SCALAR, false, p_statx_flags}, {"persona", 4, SCALAR, false, p_persona},
    {"mqflags", 4, SCALAR, false, p_mqflags},
    {"timevaldate", 8, BARE, false, p_timevaldate}, {"utimens", 8, BARE, false, p_utimens},
    {"epdata", 8, BARE, false, p_epdata}, {"fsid", 8, BARE, false, p_fsid},
    {"path", 4, MEMORY, false, p_path}, {"str", 4, MEMORY, false, p_str},
    {"buf", 4, MEMORY, false, p_buf}, {"obuf", 4, MEMORY, false, p_obuf},
    {"ohex", 4, MEMORY, false, p_ohex}, {"oxattr", 4, MEMORY, false, p_oxattr}, {"ostr", 4, MEMORY, false, p_ostr},
    {"fdpair", 4, MEMORY, false, p_fdpair}, {"sigsetarg", 4, MEMORY, false, p_sigsetarg},
    {"wstatus", 4, MEMORY, false, p_wstatus}, {"siginfo", 4, MEMORY, false, p_siginfo},
    {"sigevent", 4, MEMORY, false, p_sigevent}, {"sigaction", 4, MEMORY, false, p_sigaction},
    {"oldsigaction", 4, MEMORY, false, p_oldsigaction}, {"userdesc", 4, MEMORY, false, p_userdesc},
    {"sockaddr", 4, MEMORY, false, p_sockaddr}, {"socklen", 4, SCALAR, true, p_d},
    {"msghdr", 4, MEMORY, false, p_msghdr}, {"mmsghdr", 32, MEMORY, false, p_mmsghdr},
    {"cpus", 4, MEMORY, false, p_incpus}, {"ocpus", 4, MEMORY, false, p_ocpus},
    {"mincore", 4, MEMORY, false, p_mincore}, {"odents", 4, MEMORY, false, p_odents},
    {"odents64", 4, MEMORY, false, p_odents64}, {"argv", 4, MEMORY, false, p_strings},
    {"envp", 4, MEMORY, false, p_envp}, {"pollfds", 4, MEMORY, false, p_pollfds},
    {"fdset", 4, MEMORY, false, p_fdset}, {"msgbuf", 4, MEMORY, false, p_msgbuf},
    {"omsgbuf", 4, MEMORY, false, p_msgbuf}, {"remain", 4, MEMORY, false, p_remain},
    {"remain64", 4, MEMORY, false, p_remain64}, {"offset", 4, MEMORY, false, p_offset},
    {"offset64", 4, MEMORY, false, p_offset64}, {"mdata", 4, MEMORY, false, p_str},
    {"ipcctl", 4, SCALAR, false, p_ipcctl}, {"remoteiov", 4, MEMORY, false, p_remoteiov},
    {"ipcget9", 4, SCALAR, false, p_ipcget}, {"c65", 65, MEMORY, false, p_path},
};

struct structure { const char *name, *fields; };
static const struct structure structures[] = {
#define STRUCT(name, fields) {#name, fields},
#define CALL(name, result, args)
#include "syscalls/strace_calls.def"
#undef STRUCT
#undef CALL
};
static const struct call_format formats[] = {
#define STRUCT(name, fields)
#define CALL(name, result, args) {#name, args, #result[0]},
#include "syscalls/strace_calls.def"
#undef STRUCT
#undef CALL
};

const struct call_format *strace_format(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (!strcmp(formats[i].name, name))
            return &formats[i];
    return NULL;
}

static const struct type *find_type(const char *s, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strlen(types[i].name) == n && !memcmp(types[i].name, s, n))
            return &types[i];
    return NULL;
}
static const struct structure *find_structure(const char *s, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(structures); i++)
        if (strlen(structures[i].name) == n && !memcmp(structures[i].name, s, n))
            return &structures[i];
    return NULL;
}

static size_t word(const char *s)
{
    return strcspn(s, " ");
}

static uint32_t size_of(const char *type, size_t n);

static uint32_t structure_size(const struct structure *st)
{
    uint32_t off = 0;
    for (const char *f = st->fields; *f; f += word(f), f += *f == ' ') {
        size_t n = word(f);
        const char *colon = memchr(f, ':', n), *at = memchr(f, '@', n);
        if (f[0] == '.' && f[1] >= '0' && f[1] <= '9')
            off += (uint32_t)(f[1] - '0');
        if (!colon)
            continue;
        if (at)
            off = (uint32_t)strtoul(at + 1, NULL, 10);
        off += size_of(colon + 1, n - (size_t)(colon + 1 - f));
    }
    return off;
}

/* Bytes of memory a value of the type takes. */
static uint32_t size_of(const char *type, size_t n)
{
    const char *dot = memchr(type, '.', n), *slash = memchr(type, '/', n);
    if (*type == '|' || *type == '=')
        return dot ? (uint32_t)(dot[1] - '0') : 4;
    if (*type == '[' && slash)
        return size_of(type + 1, (size_t)(slash - type) - 1) * (uint32_t)(slash[1] - '0');
    const struct structure *st = find_structure(type, n);
    if (st)
        return structure_size(st);
    const struct type *t = find_type(type, n);
    return t ? t->size : 4;
}

static void print_at(struct call *k, const char *type, size_t n, uint32_t a);

static void print_scalar(struct call *k, const char *type, size_t n, uint64_t v)
{
    const char *dot = memchr(type, '.', n);
    size_t len = (dot ? (size_t)(dot - type) : n) - 1;
    const struct list *t;
    if (*type == '|' || *type == '=') {
        t = strace_list(type + 1, len);
        if (!t)
            p_x(k, v);
        else if (t->set)
            add_set(k->l, t, (uint32_t)v);
        else
            add_one(k->l, t, (uint32_t)v);
        return;
    }
    const struct type *ty = find_type(type, n);
    if (!ty)
        p_x(k, v);
    else
        ty->print(k, ty->is_signed && ty->size <= 4 ? (uint64_t)(int64_t)(int32_t)v : v);
}

/* What follows st_mode: the device, or the size. */
static void print_stat_rest(struct call *k, uint32_t a, bool big)
{
    uint32_t mode;
    uint64_t v = 0;
    if (mem_read32(a + (big ? 16 : 8), &mode))
        return;
    bool dev = S_ISCHR(mode) || S_ISBLK(mode);
    static const uint8_t at[2][2] = {{20, 14}, {44, 32}};
    mem_read(&v, a + at[big][dev], big ? 8 : dev ? 2 : 4);
    strace_add(k->l, dev ? ", st_rdev=" : ", st_size=");
    if (dev)
        add_dev(k->l, v);
    else
        p_d(k, v);
}

static void print_structure(struct call *k, const struct structure *st, uint32_t a)
{
    uint32_t off = 0;
    const char *sep = "";
    strace_add(k->l, "{");
    for (const char *f = st->fields; *f; f += word(f), f += *f == ' ') {
        size_t n = word(f);
        const char *colon = memchr(f, ':', n), *at = memchr(f, '@', n);
        if (f[0] == '~') {
            print_stat_rest(k, a, f[1] == '1');
            continue;
        }
        if (!strncmp(f, "...", n))
            strace_add(k->l, ", ...");
        if (!colon)
            continue;
        if (at)
            off = (uint32_t)strtoul(at + 1, NULL, 10);
        size_t tn = n - (size_t)(colon + 1 - f);
        strace_add(k->l, "%s%.*s=", sep, (int)((at ? at : colon) - f), f);
        print_at(k, colon + 1, tn, a + off);
        off += size_of(colon + 1, tn);
        sep = ", ";
    }
    strace_add(k->l, "}");
}

/* Elements of an array: how many `count` says, see strace_calls.def. */
static uint32_t array_count(const struct call *k, char count)
{
    switch (count) {
    case 'n': return next_arg(k);
    case 'p': return k->g ? k->c->a[k->g - 1] : 0;
    case 'r': return k->ret < 0 ? 0 : (uint32_t)k->ret;
    default: return (uint32_t)(count - '0');
    }
}

static void print_iovec(struct call *k, uint32_t a, uint32_t *left);

static void print_array(struct call *k, const char *type, size_t n, uint32_t a)
{
    const char *slash = memchr(type, '/', n);
    size_t tn = (size_t)(slash - type);
    uint32_t count = array_count(k, slash[1]), size = size_of(type, tn);
    uint32_t left = k->done ? (k->ret < 0 ? 0 : (uint32_t)k->ret) : UINT32_MAX;
    bool iov = !strncmp(type, "iovec", tn);
    uint8_t probe;
    if (!a || (count && mem_read(&probe, a, 1))) {
        strace_add_address(k->l, a);
        return;
    }
    strace_add(k->l, "[");
    for (uint32_t i = 0; i < count; i++) {
        strace_add(k->l, i ? ", " : "");
        if (i == 32) {
            strace_add(k->l, "...");
            break;
        }
        if (iov)
            print_iovec(k, a + i * size, &left);
        else
            print_at(k, type, tn, a + i * size);
    }
    strace_add(k->l, "]");
}

/* One iovec; `left` bytes were transferred into it and those behind. */
static void print_iovec(struct call *k, uint32_t a, uint32_t *left)
{
    uint32_t w[2];
    if (mem_read(w, a, sizeof w)) {
        strace_add_address(k->l, a);
        return;
    }
    uint32_t n = w[1] < *left ? w[1] : *left;
    strace_add(k->l, "{iov_base=");
    if (k->done && k->ret < 0)
        strace_add_address(k->l, w[0]);
    else
        strace_add_bytes(k, w[0], n);
    strace_add(k->l, ", iov_len=%u}", w[1]);
    if (*left != UINT32_MAX)
        *left -= n;
}

/* The value of a type that lies at address a. */
static void print_at(struct call *k, const char *type, size_t n, uint32_t a)
{
    const struct structure *st = *type == '|' || *type == '=' ? NULL : find_structure(type, n);
    const struct type *t = find_type(type, n);
    uint64_t v = 0;
    if (*type == '[') {
        print_array(k, type + 1, n - 1, a);
    } else if (st) {
        print_structure(k, st, a);
    } else if (t && t->how == MEMORY) {
        t->print(k, a);
    } else if (mem_read(&v, a, size_of(type, n))) {
        strace_add_address(k->l, a);
    } else {
        if (t && t->is_signed && t->size < 4)
            v = (uint64_t)(int64_t)(int16_t)v;
        print_scalar(k, type, n, v);
    }
}

static void print_pointer(struct call *k, const char *type, size_t n, uint32_t a, bool out)
{
    const struct type *t = find_type(type, n);
    uint8_t probe[512];
    uint32_t size = *type == '[' ? 0 : size_of(type, n);
    /* those that look at the result themselves */
    bool knows = *type == '[' || !strncmp(type, "wstatus", n) || !strncmp(type, "remain", 6);
    bool array = *type == '[';
    if (!a || (out && k->ret < 0 && !knows) ||
        (!(t && t->how == MEMORY) && size <= sizeof probe && mem_read(probe, a, size))) {
        strace_add_address(k->l, a);
        return;
    }
    bool brackets = !array && !find_structure(type, n) && !(t && t->how != SCALAR);
    strace_add(k->l, brackets ? "[" : "");
    print_at(k, type, n, a);
    strace_add(k->l, brackets ? "]" : "");
}

static void add_value(struct call *k, const char *type, size_t n, uint64_t v)
{
    if (*type == '*' || *type == '>')
        print_pointer(k, type + 1, n - 1, (uint32_t)v, *type == '>');
    else
        print_scalar(k, type, n, v);
}

void strace_add_value(struct call *k, const char *type, uint64_t v)
{
    add_value(k, type, strlen(type), v);
}

/* Known only when the call has returned? */
static bool late(const char *type, size_t n)
{
    static const char *const names[] = {"obuf", "ohex", "oxattr", "ostr", "odents", "odents64", "ocpus",
                                        "omsgbuf"};
    if (*type == '>')
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == n && !memcmp(type, names[i], n))
            return true;
    return false;
}

/* Arguments that are there only if another one says so. */
static bool absent(const struct call *k, const char *type, size_t n)
{
    const uint32_t *a = k->c->a;
    uint32_t before = k->g ? a[k->g - 1] : 0;
    if (!strncmp(type, "omode", n))
        return !(before & I386_O_CREAT) && (before & I386_O_TMPFILE) != I386_O_TMPFILE;
    if (!strncmp(type, "omqattr", n))
        return !(a[1] & I386_O_CREAT);
    if (!strncmp(type, "mkdev", n))
        return !S_ISCHR(before) && !S_ISBLK(before);
    if (!strncmp(type, "remapto", n))
        return !(before & (MREMAP_FIXED | MREMAP_DONTUNMAP));
    return false;
}

/* Returns how many words the argument takes. */
static unsigned add_arg(struct call *k, const char *type, size_t n)
{
    uint32_t a = k->g < 6 ? k->c->a[k->g] : 0;
    uint64_t both = k->g < 5 ? pair(a, k->c->a[k->g + 1]) : a;
    if (n == 3 && !memcmp(type, "d64", 3)) {
        p_d(k, both);
        return 2;
    }
    if (n == 4 && !memcmp(type, "hilo", 4)) { /* _llseek has the high half first */
        p_d(k, pair(k->c->a[k->g + 1], a));
        return 2;
    }
    if (!strncmp(type, "omode", n))
        p_mode(k, a);
    else if (!strncmp(type, "mkdev", n))
        add_dev(k->l, a);
    else if (!strncmp(type, "omqattr", n))
        add_value(k, "*mqattr", 7, a);
    else if (!strncmp(type, "remapto", n))
        strace_add_address(k->l, a);
    else
        add_value(k, type, n, a);
    return 1;
}

void strace_add_args(struct call *k, const char *args, bool before)
{
    struct line none, *line = k->l;
    bool comma = false, second = false;
    k->g = 0;
    for (const char *p = args; *p; p += word(p), p += *p == ' ') {
        size_t n = word(p);
        if (!second && late(p, n)) {
            second = true;
            if (before) {
                strace_add(line, comma ? ", " : "");
                return;
            }
            comma = false;
        }
        none.n = 0; /* what was printed before the call still takes its words */
        k->l = second || before ? line : &none;
        if (absent(k, p, n)) {
            k->g++;
            continue;
        }
        strace_add(k->l, comma ? ", " : "");
        comma = true;
        const char *special = *p == '!' ? p + 1 : p[0] == '>' && p[1] == '!' ? p + 2 : NULL;
        if (special)
            strace_special(k, special, n - (size_t)(special - p));
        else
            k->g += add_arg(k, p, n);
    }
    k->l = line;
}
