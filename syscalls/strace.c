/* --strace: one line per system call, in strace's format, made from the table's letters. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/strace.h"

void strace_add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int k = vsnprintf(l->b + l->n, sizeof l->b - l->n - 2, fmt, ap);
    va_end(ap);
    if (k > 0)
        l->n += (size_t)k;
    if (l->n > sizeof l->b - 2)
        l->n = sizeof l->b - 2;
}

static void flush_line(struct line *l)
{
    l->b[l->n++] = '\n';
    log_write(log_fd(), l->b, l->n);
}

/* Bytes in quotes, in strace's escapes. */
static void add_quoted(struct line *l, const char *s, size_t n, bool more)
{
    static const char plain[] = "\t\n\v\f\r", letter[] = "tnvfr";
    strace_add(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        const char *p = ch ? strchr(plain, ch) : NULL;
        bool digit = i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9';
        if (p)
            strace_add(l, "\\%c", letter[p - plain]);
        else if (ch == '"' || ch == '\\')
            strace_add(l, "\\%c", ch);
        else if (ch < 32 || ch > 126)
            strace_add(l, digit ? "\\%03o" : "\\%o", ch);
        else
            strace_add(l, "%c", ch);
    }
    strace_add(l, more ? "\"..." : "\"");
}

enum { STRING_MAX = 32 };

void strace_add_bytes(struct line *l, uint32_t a, uint32_t n)
{
    char s[STRING_MAX];
    uint32_t k = n < STRING_MAX ? n : STRING_MAX;
    if (!a || mem_read(s, a, k))
        strace_add(l, a ? "%#x" : "NULL", a);
    else
        add_quoted(l, s, k, n > k);
}

static void add_string(struct line *l, uint32_t a, size_t max)
{
    char s[256];
    int n = mem_read_str(s, a, max + 1);
    if (n == -EFAULT)
        strace_add(l, a ? "%#x" : "NULL", a);
    else
        add_quoted(l, s, n < 0 ? max : (size_t)n, n < 0);
}

static void add_args(struct line *l, const struct sysctx *c, const char *args, int64_t ret)
{
    unsigned g = 0;
    const char *own = strace_format(syscalls_table[c->nr].name);
    for (const char *p = own ? own : args; *p && g < 6; p++) {
        if (!own && strchr("@0RL", *p))
            continue;
        uint32_t a = c->a[g++];
        if (g > 1)
            strace_add(l, ", ");
        if (own && strace_decode(l, *p, &a, g < 6 ? c->a[g] : 0, ret))
            continue;
        switch (*p) {
        case 'd':
            if (a == (uint32_t)AT_FDCWD)
                strace_add(l, "AT_FDCWD");
            else
                strace_add(l, "%d", (int)a);
            break;
        case 'u': strace_add(l, "%u", a); break;
        case 's': add_string(l, a, STRING_MAX); break;
        case 'f': case 'F': case 'c': add_string(l, a, 255); break;
        case 'p': case 'o': case 'W':
            if (!a) {
                strace_add(l, "NULL");
                break;
            } /* fall through */
        default: strace_add(l, "%#x", a); break;
        }
    }
}

/* socketcall as the call it stands for. False if it stands for none. */
static bool unpack_socketcall(const struct sysctx *c, struct sysctx *k)
{
    static const char *const names[] = {
        "", "socket", "bind", "connect", "listen", "accept4", "getsockname", "getpeername",
        "socketpair", "sendto", "recvfrom", "sendto", "recvfrom", "shutdown", "setsockopt",
        "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"};
    static const uint8_t words[] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};
    uint32_t call = c->a[0];
    *k = (struct sysctx){.t = c->t};
    if (!call || call >= ARRAY_SIZE(names) || mem_read(k->a, c->a[1], words[call] * 4u))
        return false;
    while (k->nr < syscalls_count &&
           (!syscalls_table[k->nr].name || strcmp(syscalls_table[k->nr].name, names[call])))
        k->nr++;
    return k->nr < syscalls_count;
}

static void add_call(struct line *l, const struct sysctx *c, int64_t ret)
{
    struct sysctx inner;
    if (c->nr == 102 /* socketcall */ && unpack_socketcall(c, &inner))
        c = &inner;
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    strace_add(l, "[pid %d] ", c->t->tid);
    if (r && r->name) {
        strace_add(l, "%s(", r->name);
        add_args(l, c, r->args, ret);
    } else {
        strace_add(l, "syscall_%#x(%#x, %#x, %#x", c->nr, c->a[0], c->a[1], c->a[2]);
    }
    strace_add(l, ")");
}

/* Calls that do not come back are printed when they begin. */
void strace_enter(const struct sysctx *c)
{
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    if (!r || !r->name || (strcmp(r->name, "execve") && strncmp(r->name, "exit", 4) &&
                           !strstr(r->name, "sigreturn")))
        return;
    struct line l = {.n = 0};
    add_call(&l, c, -1);
    strace_add(&l, strstr(r->name, "exit") ? " = ?" : " ...");
    flush_line(&l);
}

void strace_exit(const struct sysctx *c, int64_t ret)
{
    struct line l = {.n = 0};
    if (ret == SYSRET_DONE)
        return;
    add_call(&l, c, ret);
    if (ret <= SYSRET_RESTART && ret >= SYSRET_RESTART_NOHAND)
        strace_add(&l, " = ? ERESTARTSYS (To be restarted)");
    else if (ret < 0 && ret >= -4095)
        strace_add(&l, " = -1 %s (%s)", strerrorname_np((int)-ret), strerror((int)-ret));
    else if ((uint32_t)ret > 0xffff)
        strace_add(&l, " = %#x", (uint32_t)ret);
    else
        strace_add(&l, " = %d", (int)ret);
    flush_line(&l);
}

void strace_signal(const struct thread *t, int sig, const siginfo_t *info)
{
    struct line l = {.n = 0};
    strace_add(&l, "[pid %d] --- SIG%s {si_signo=SIG%s, si_code=%d} ---", t->tid, sigabbrev_np(sig) ? sigabbrev_np(sig) : "RT",
        sigabbrev_np(sig) ? sigabbrev_np(sig) : "RT", info->si_code);
    flush_line(&l);
}

void strace_exited(const struct thread *t, int status)
{
    struct line l = {.n = 0};
    strace_add(&l, "[pid %d] +++ exited with %d +++", t->tid, status & 0xff);
    flush_line(&l);
}
