/* --strace=SET: which calls are shown; -c: how often each was made. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "core/session.h"
#include "syscalls/strace.h"

/* What strace's classes contain beyond what the types of arguments tell. */
static const struct { const char *name, *calls; } classes[] = {
    {"process", "clone clone3 execve execveat exit exit_group fork kill pidfd_open pidfd_send_signal "
                "rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill unshare vfork wait4 waitid waitpid"},
    {"network", "socketcall socket socketpair bind connect listen accept accept4 getsockname "
                "getpeername send sendto recv recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown "
                "setsockopt getsockopt recvmmsg_time64"},
    {"signal", "kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
               "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
               "sgetmask sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask "
               "sigreturn sigsuspend ssetmask tgkill tkill"},
    {"ipc", "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat "
            "shmctl shmdt shmget"},
    {"memory", "brk get_mempolicy madvise mbind migrate_pages mincore mlock mlock2 mlockall mmap "
               "mmap2 move_pages mprotect mremap msync munlock munlockall munmap pkey_mprotect "
               "process_madvise remap_file_pages set_mempolicy set_mempolicy_home_node shmat shmdt"},
    {"%creds", "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
               "getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid "
               "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid "
               "setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
               "setuid32"},
    {"%clock", "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
               "clock_gettime64 clock_settime clock_settime64 gettimeofday settimeofday stime time"},
    {"%stat", "stat stat64 oldstat"}, {"%lstat", "lstat lstat64 oldlstat"},
    {"%fstat", "fstat fstat64 fstatat64 oldfstat"},
    {"%%stat", "stat stat64 oldstat lstat lstat64 oldlstat fstat fstat64 oldfstat fstatat64 statx"},
    {"%statfs", "statfs statfs64"}, {"%fstatfs", "fstatfs fstatfs64"},
    {"%%statfs", "statfs statfs64 fstatfs fstatfs64 ustat"},
    {"%pure", "getegid getegid32 geteuid geteuid32 getgid getgid32 getpgid getpgrp getpid getppid "
              "getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32"},
};

static bool has_word(const char *list, const char *word, size_t n)
{
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
            return true;
    return false;
}

/* Does a call take a path (file), or a descriptor (desc)? Its types say so. */
static bool has_type(const char *name, const char *const types[])
{
    const struct call_format *f = strace_format(name);
    for (int i = 0; f && types[i]; i++)
        if (has_word(f->args, types[i], strlen(types[i])))
            return true;
    return false;
}

static bool in_class(const char *name, const char *class, size_t n)
{
    static const char *const path[] = {"path", NULL}, *const desc[] = {"fd", "dirfd", ">fdpair", "fdset", "pollfds", NULL};
    static const char desc_too[] = "epoll_create epoll_create1 eventfd eventfd2 inotify_init "
                                   "inotify_init1 timerfd_create memfd_create mmap2 mmap socket open creat";
    static const char file_too[] = "getcwd";
    if ((n == 4 && !memcmp(class, "file", 4)) || (n == 5 && !memcmp(class, "%file", 5)))
        return has_type(name, path) || has_word(file_too, name, strlen(name));
    if ((n == 4 && !memcmp(class, "desc", 4)) || (n == 5 && !memcmp(class, "%desc", 5)))
        return has_type(name, desc) || has_word(desc_too, name, strlen(name));
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        const char *c = classes[i].name;
        bool percent = *class == '%' && *c != '%';
        if (strlen(c) == n - percent && !memcmp(c, class + percent, n - percent))
            return has_word(classes[i].calls, name, strlen(name));
    }
    return false;
}

static bool matches(const char *name, const char *item, size_t n)
{
    char text[128];
    regex_t re;
    if (n == 3 && !memcmp(item, "all", 3))
        return true;
    if (n == 1 && *item == '1')
        return true; /* XRUN_STRACE=1 */
    if (*item == '/' && n < sizeof text) {
        memcpy(text, item + 1, n - 1);
        text[n - 1] = 0;
        if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
            return false;
        bool hit = !regexec(&re, name, 0, NULL, 0);
        regfree(&re);
        return hit;
    }
    return (strlen(name) == n && !memcmp(name, item, n)) || in_class(name, item, n);
}

/* The set is a list of names, classes and /regular expressions; with ! in front, of what to hide. */
static bool in_set(const char *name)
{
    const char *s = opt.strace;
    bool hide = *s == '!';
    s += hide;
    while (*s) {
        size_t n = strcspn(s, ",");
        if (n && matches(name, s, n))
            return !hide;
        s += n + (s[n] == ',');
    }
    return hide;
}

bool strace_wanted(const char *name)
{
    static uint8_t known[SESSION_CALLS]; /* 1 wanted, 2 not */
    unsigned nr = 0;
    if (!name)
        return in_set("unknown");
    while (nr < syscalls_count && syscalls_table[nr].name != name)
        nr++;
    if (nr >= SESSION_CALLS || nr >= syscalls_count)
        return in_set(name);
    if (!known[nr])
        known[nr] = in_set(name) ? 1 : 2;
    return known[nr] == 1;
}

/* False, with a word that means nothing, if the set has one. */
bool strace_check_set(const char **bad)
{
    const char *s = opt.strace + (*opt.strace == '!');
    while (*s) {
        size_t n = strcspn(s, ",");
        bool known = !n || *s == '/';
        for (unsigned i = 0; i < syscalls_count && !known; i++)
            known = syscalls_table[i].name && matches(syscalls_table[i].name, s, n);
        static const char *const inner[] = {"accept", "send", "recv"};
        for (size_t i = 0; i < ARRAY_SIZE(inner) && !known; i++)
            known = matches(inner[i], s, n);
        if (!known) {
            *bad = s;
            return false;
        }
        s += n + (s[n] == ',');
    }
    return true;
}

/* ---- -c ---- */

static int by_time(const void *a, const void *b)
{
    const struct session_count *x = &session->count[*(const uint16_t *)a];
    const struct session_count *y = &session->count[*(const uint16_t *)b];
    if (x->nanoseconds != y->nanoseconds)
        return x->nanoseconds < y->nanoseconds ? 1 : -1;
    return x->calls < y->calls ? 1 : x->calls > y->calls ? -1 : 0;
}

static void row(double percent, uint64_t ns, uint32_t calls, uint32_t errors, const char *name)
{
    struct line l = {.n = 0};
    strace_add(&l, "%6.2f %11.6f %11llu %9u ", percent, (double)ns / 1e9,
               (unsigned long long)(calls ? ns / 1000 / calls : 0), calls);
    if (errors)
        strace_add(&l, "%9u ", errors);
    else
        strace_add(&l, "          ");
    strace_add(&l, "%s\n", name);
    log_write(log_fd(), l.b, l.n);
}

void strace_summary(void)
{
    static const char head[] = "% time     seconds  usecs/call     calls    errors syscall\n";
    static const char rule[] = "------ ----------- ----------- --------- --------- ----------------\n";
    uint16_t order[SESSION_CALLS];
    unsigned n = 0;
    struct session_count sum = {0};
    for (unsigned i = 0; i < SESSION_CALLS; i++) {
        if (!session->count[i].calls)
            continue;
        order[n++] = (uint16_t)i;
        sum.calls += session->count[i].calls;
        sum.errors += session->count[i].errors;
        sum.nanoseconds += session->count[i].nanoseconds;
    }
    qsort(order, n, sizeof *order, by_time);
    log_write(log_fd(), head, sizeof head - 1);
    log_write(log_fd(), rule, sizeof rule - 1);
    for (unsigned i = 0; i < n; i++) {
        const struct session_count *c = &session->count[order[i]];
        const char *name = order[i] < syscalls_count ? syscalls_table[order[i]].name : NULL;
        double share = sum.nanoseconds ? 100.0 * (double)c->nanoseconds / (double)sum.nanoseconds : 0;
        row(share, c->nanoseconds, c->calls, c->errors, name ? name : "(unknown)");
    }
    log_write(log_fd(), rule, sizeof rule - 1);
    row(sum.nanoseconds ? 100.0 : 0, sum.nanoseconds, sum.calls, sum.errors, "total");
}
