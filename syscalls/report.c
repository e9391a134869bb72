/* --abi-report: what a system call says about the program that makes it. Printed by runtime/report.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/options.h"
#include "core/session.h"
#include "syscalls/strace.h"

/* Calls whose numbers are narrower than those of their successors. */
static const struct { const char *kind, *calls; } narrow[] = {
    {"32-bit time", " time stime gettimeofday settimeofday adjtimex clock_gettime clock_settime clock_getres "
        "clock_nanosleep clock_adjtime timer_gettime timer_settime timerfd_gettime timerfd_settime utime utimes futimesat "
        "utimensat futex io_getevents io_pgetevents mq_timedsend mq_timedreceive ppoll pselect6 "
        "_newselect select recvmmsg rt_sigtimedwait sched_rr_get_interval semtimedop nanosleep "
        "getitimer setitimer "},
    {"32-bit file sizes and inodes", " oldstat oldlstat oldfstat stat lstat fstat lseek truncate ftruncate "
        "getdents readdir sendfile statfs fstatfs mmap "},
    {"16-bit user ids", " chown lchown fchown getuid getgid geteuid getegid setuid setgid setreuid "
        "setregid setresuid setresgid getresuid getresgid setfsuid setfsgid getgroups setgroups "},
};

const char *report_narrow(unsigned nr)
{
    char word[64] = " ";
    if (nr >= syscalls_count || !syscalls_table[nr].name)
        return NULL;
    strncat(word, syscalls_table[nr].name, sizeof word - 3);
    strcat(word, " ");
    for (size_t i = 0; i < ARRAY_SIZE(narrow); i++)
        if (strstr(narrow[i].calls, word))
            return narrow[i].kind;
    return NULL;
}

void report_loss(const char *fmt, ...)
{
    uint32_t nr = thread_self->orig_eax;
    char text[160];
    va_list ap;
    if (!opt.abi_report)
        return;
    int n = snprintf(text, sizeof text, "%s: ", nr < syscalls_count && syscalls_table[nr].name ? syscalls_table[nr].name : "?");
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    va_end(ap);
    session_note('e', text);
}

/* Files of the kernel's and libraries; a number in /proc is a process. */
static void note_path(const char *path, bool ok)
{
    char text[PATH_MAX];
    size_t n = 0;
    bool kernel = !strncmp(path, "/proc", 5) || !strncmp(path, "/sys/", 5);
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    if (strstr(base, ".so") && !kernel && ok && !strstr(base, ".so.cache"))
        session_note('l', path);
    if (!kernel)
        return;
    for (const char *p = path; *p && n < sizeof text - 8;) {
        if (p[-(p > path)] == '/' && *p >= '0' && *p <= '9' && !strncmp(path, "/proc", 5)) {
            while (*p >= '0' && *p <= '9')
                p++;
            memcpy(text + n, "N", 1);
            n++;
        } else {
            text[n++] = *p++;
        }
    }
    text[n] = 0;
    session_note('f', text);
}

static void note_paths(const struct sysctx *c, const char *args, bool ok)
{
    char path[PATH_MAX];
    unsigned g = 0;
    for (const char *p = args; *p && g < 6; p += strcspn(p, " "), p += *p == ' ', g++)
        if (!strncmp(p, "path", 4) && mem_read_str(path, c->a[g], sizeof path) >= 0)
            note_path(path, ok);
}

void report_call(const struct sysctx *c, int64_t ret)
{
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    const struct call_format *f = r && r->name ? strace_format(r->name) : NULL;
    bool ok = ret >= 0 || ret < -4095;
    char text[96];
    if (made_in_vdso(c) || strace_born(r ? r->name : NULL, ret))
        return;
    if (!opt.strace_count)
        strace_count_call(c, ret, 0);
    if (!r || !r->name) {
        snprintf(text, sizeof text, "%u", c->nr);
        session_note('u', text);
        return;
    }
    if (ret == -EOVERFLOW || ret == -ENOSYS) {
        snprintf(text, sizeof text, "%s: %s", r->name, strerrorname_np((int)-ret));
        session_note('e', text);
    }
    if (c->nr == 54)
        session_note_ioctl(c->a[1], !ok);
    if (f)
        note_paths(c, f->args, ok);
}
