/* Messages and allocation; see log.h. Output is one write(2) per line, so that lines of several
 * threads and processes do not mix. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/options.h"
#include "core/thread.h"
#include "core/xfsz.h"

static int out_fd = 2;
static bool limited; /* files have a limit: SIGXFSZ of the log is not for the guest */

int log_fd(void)
{
    return out_fd;
}

void log_limit_changed(void)
{
    struct rlimit l;
    limited = !getrlimit(RLIMIT_FSIZE, &l) && l.rlim_cur != RLIM_INFINITY;
}

void log_set_fd(int fd)
{
    out_fd = fd;
    log_limit_changed();
}

/* Once: what is written to the user's file from now on may be lost, too. */
static void say_lost(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    int e = errno;
    if (!atomic_flag_test_and_set(&said))
        log_user("%s: %s", opt.log_file ? opt.log_file : "the log", strerror(e));
    errno = e;
}

/* write(2) whose SIGXFSZ nobody sees. */
static ssize_t write_limited(int fd, const char *buf, size_t n)
{
    struct xfsz x;
    xfsz_hide(&x);
    ssize_t w = write(fd, buf, n);
    xfsz_show(&x, w < 0 ? errno : 0);
    return w;
}

void log_write(int fd, const char *buf, size_t n)
{
    bool user_file = fd == out_fd && fd != 2;
    while (n) {
        ssize_t w = user_file && limited ? write_limited(fd, buf, n) : write(fd, buf, n);
        if (w < 0 && errno != EINTR) {
            if (user_file)
                say_lost();
            return;
        }
        if (w > 0) {
            buf += w;
            n -= (size_t)w;
        }
    }
}

void log_printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            *s = '?';
}

static void emit(int fd, const char *prefix, const char *fmt, va_list ap)
{
    char buf[2048];
    int n = snprintf(buf, sizeof buf, "%s", prefix);
    int m = vsnprintf(buf + n, sizeof buf - (size_t)n - 1, fmt, ap);
    log_printable(buf + n);
    n += m;
    if (n > (int)sizeof buf - 2)
        n = (int)sizeof buf - 2;
    buf[n++] = '\n';
    log_write(fd, buf, (size_t)n);
}

void log_user(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(2, "xrun: ", fmt, ap);
    va_end(ap);
}

void log_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(out_fd, "xrun: ", fmt, ap);
    va_end(ap);
}

void log_die(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(2, "xrun: ", fmt, ap);
    va_end(ap);
    _exit(code);
}

void log_event(const char *fmt, ...)
{
    if (!opt.log)
        return;
    char prefix[48];
    snprintf(prefix, sizeof prefix, "xrun: [%d] ", (int)gettid());
    va_list ap;
    va_start(ap, fmt);
    emit(out_fd, prefix, fmt, ap);
    va_end(ap);
}

void xassert_fail(const char *expr, const char *file, int line)
{
    const struct thread *t = thread_self;
    log_user("internal error: %s:%d: %s", file, line, expr);
    if (t)
        log_user("this is a fault of xrun, not of the program; guest eip %08x, last exit %d",
                 t->cpu.eip, t->cpu.exit);
    abort();
}

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        log_die(126, "out of memory (%zu bytes)", n);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        log_die(126, "out of memory (%zu x %zu bytes)", n, size);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p)
        log_die(126, "out of memory (%zu bytes)", n);
    return p;
}

char *xstrdup(const char *s)
{
    return strcpy(xmalloc(strlen(s) + 1), s);
}
