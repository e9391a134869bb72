/* --strace: one line per system call, in strace's format, made from the table's letters. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/priv.h"

struct line {
    char b[1024];
    size_t n;
};

static void add(struct line *l, const char *fmt, ...) PRINTF(2, 3);
static void add(struct line *l, const char *fmt, ...)
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

static void add_string(struct line *l, uint32_t a)
{
    char s[33];
    int n = mem_read_str(s, a, sizeof s);
    if (!a) {
        add(l, "NULL");
        return;
    }
    if (n == -EFAULT) {
        add(l, "%#x", a);
        return;
    }
    add(l, "\"");
    for (int i = 0; i < (n < 0 ? 32 : n); i++) {
        unsigned char ch = (unsigned char)s[i];
        if (ch == '\n')
            add(l, "\\n");
        else if (ch == '"' || ch == '\\')
            add(l, "\\%c", ch);
        else if (ch < 32 || ch > 126)
            add(l, "\\%o", ch);
        else
            add(l, "%c", ch);
    }
    add(l, n < 0 ? "\"..." : "\"");
}

static void add_args(struct line *l, const struct sysctx *c, const char *args)
{
    unsigned g = 0;
    for (const char *p = args; *p && g < 6; p++) {
        if (strchr("@0RL", *p))
            continue;
        uint32_t a = c->a[g++];
        if (g > 1)
            add(l, ", ");
        switch (*p) {
        case 'd':
            if (a == (uint32_t)AT_FDCWD)
                add(l, "AT_FDCWD");
            else
                add(l, "%d", (int)a);
            break;
        case 'u': add(l, "%u", a); break;
        case 's': case 'f': case 'F': case 'c': add_string(l, a); break;
        case 'p': case 'o': case 'W':
            if (!a) {
                add(l, "NULL");
                break;
            } /* fall through */
        default: add(l, "%#x", a); break;
        }
    }
}

static void add_call(struct line *l, const struct sysctx *c)
{
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    add(l, "[pid %d] ", c->t->tid);
    if (r && r->name) {
        add(l, "%s(", r->name);
        add_args(l, c, r->args);
    } else {
        add(l, "syscall_%#x(%#x, %#x, %#x", c->nr, c->a[0], c->a[1], c->a[2]);
    }
    add(l, ")");
}

/* Calls that do not come back are printed when they begin. */
void strace_enter(const struct sysctx *c)
{
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    if (!r || !r->name || (strcmp(r->name, "execve") && strncmp(r->name, "exit", 4) &&
                           !strstr(r->name, "sigreturn")))
        return;
    struct line l = {.n = 0};
    add_call(&l, c);
    add(&l, strstr(r->name, "exit") ? " = ?" : " ...");
    flush_line(&l);
}

void strace_exit(const struct sysctx *c, int64_t ret)
{
    struct line l = {.n = 0};
    if (ret == SYSRET_DONE)
        return;
    add_call(&l, c);
    if (ret <= SYSRET_RESTART && ret >= SYSRET_RESTART_NOHAND)
        add(&l, " = ? ERESTARTSYS (To be restarted)");
    else if (ret < 0 && ret >= -4095)
        add(&l, " = -1 %s (%s)", strerrorname_np((int)-ret), strerror((int)-ret));
    else if ((uint32_t)ret > 0xffff)
        add(&l, " = %#x", (uint32_t)ret);
    else
        add(&l, " = %d", (int)ret);
    flush_line(&l);
}

void strace_signal(const struct thread *t, int sig, const siginfo_t *info)
{
    struct line l = {.n = 0};
    add(&l, "[pid %d] --- SIG%s {si_signo=SIG%s, si_code=%d} ---", t->tid, sigabbrev_np(sig) ? sigabbrev_np(sig) : "RT",
        sigabbrev_np(sig) ? sigabbrev_np(sig) : "RT", info->si_code);
    flush_line(&l);
}

void strace_exited(const struct thread *t, int status)
{
    struct line l = {.n = 0};
    add(&l, "[pid %d] +++ exited with %d +++", t->tid, status & 0xff);
    flush_line(&l);
}
