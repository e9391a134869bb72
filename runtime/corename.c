/* See corename.h. */
#include "runtime/corename.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "runtime/host.h"
#include "syscalls/syscalls.h"

enum { PIDFD_NUMBER = 3, WORDS_MAX = 128, HELPER_MS = 10000 };

static bool read_line(const char *path, char *buf, size_t size)
{
    ssize_t n = proc_read(path, buf, size);
    buf[strcspn(buf, "\n")] = 0;
    return n > 0;
}

static void put(struct core_name *o, const char *s, bool slashes)
{
    for (; *s && o->n + 1 < sizeof o->text; s++)
        o->text[o->n++] = *s == '/' && !slashes ? '!' : *s;
    o->text[o->n] = 0;
}

static void put_number(struct core_name *o, long v)
{
    char b[32];
    snprintf(b, sizeof b, "%ld", v);
    put(o, b, false);
}

/* One %-specifier of core(5). */
static void put_specifier(struct core_name *o, char c, const struct thread *t, int sig, rlim_t limit)
{
    char b[PATH_MAX] = "";
    const char *base = strrchr(t->proc->exe_guest, '/');
    switch (c) {
    case '%': put(o, "%", true); break;
    case 'p': o->pid = true; put_number(o, t->proc->pid); break;
    case 'P': put_number(o, t->proc->pid); break;
    case 'i': case 'I': put_number(o, t->tid); break;
    case 'u': put_number(o, getuid()); break;
    case 'g': put_number(o, getgid()); break;
    case 'd': put_number(o, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); break;
    case 's': put_number(o, sig); break;
    case 't': o->stable = false; put_number(o, (long)time(NULL)); break;
    case 'c': put_number(o, (long)limit); break;
    case 'h': gethostname(b, sizeof b - 1); put(o, b, false); break;
    case 'e': prctl(PR_GET_NAME, b, 0, 0, 0); put(o, b, false); break;
    case 'f': put(o, base ? base + 1 : t->proc->exe_guest, false); break;
    case 'E': put(o, t->proc->exe_guest, false); break;
    case 'C': o->stable = false; put_number(o, sched_getcpu()); break;
    case 'F': /* of the process that dies; only for a command */
        o->pidfd = o->pipe;
        if (o->pipe)
            put_number(o, PIDFD_NUMBER);
        break;
    default: break;
    }
}

/* The words of a command are divided before anything is put in. */
static void expand(struct core_name *o, const char *pattern, const struct thread *t, int sig,
                   rlim_t limit)
{
    bool space = false;
    for (const char *p = pattern; *p; p++) {
        char one[2] = {*p, 0};
        if (o->pipe && isspace((unsigned char)*p)) {
            space = o->n > 0;
            continue;
        }
        if (space && o->n + 2 < sizeof o->text)
            o->text[++o->n] = 0;
        space = false;
        if (*p != '%')
            put(o, one, true);
        else if (*++p)
            put_specifier(o, *p, t, sig, limit);
        else
            break;
    }
}

bool core_name_make(struct core_name *o, const struct thread *t, int sig, rlim_t limit)
{
    char pattern[256], uses_pid[16];
    memset(o, 0, sizeof *o);
    o->stable = true;
    if (!read_line("/proc/sys/kernel/core_pattern", pattern, sizeof pattern))
        strcpy(pattern, "core");
    if (pattern[0] == '@') {
        log_event("core dump: the host gives cores to a socket (core_pattern %s): it gets xrun's",
                  pattern);
        return false;
    }
    o->pipe = pattern[0] == '|';
    expand(o, pattern + o->pipe, t, sig, limit);
    if (!o->pipe && !o->pid && read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof uses_pid) &&
        uses_pid[0] != '0') {
        put(o, ".", false);
        put_number(o, t->proc->pid);
    }
    return o->n > 0;
}

/* ---- a command ---- */

/* In the child: as bare as the kernel's helpers are. */
static _Noreturn void helper(const struct core_name *o, int in, int pidfd)
{
    static char *const env[] = {NULL};
    char *argv[WORDS_MAX + 1], *end = (char *)(uintptr_t)o->text + o->n;
    const struct rlimit no_core = {1, 1};
    uint64_t none = 0;
    unsigned n = 0;
    for (char *w = (char *)(uintptr_t)o->text; w <= end && n < WORDS_MAX; w += strlen(w) + 1)
        argv[n++] = w;
    argv[n] = NULL;
    dup2(in, 0);
    fcntl(0, F_SETFD, 0);
    bool keep = o->pidfd && dup2(pidfd, PIDFD_NUMBER) == PIDFD_NUMBER;
    syscall(SYS_close_range, 1, PIDFD_NUMBER - 1, 0);
    syscall(SYS_close_range, PIDFD_NUMBER + keep, ~0U, 0);
    setsid();
    if (chdir("/"))
        host_syscall(SYS_exit_group, 126, 0, 0, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    for (int s = 1; s <= NSIG_GUEST; s++)
        host_sigaction(s, SIG_DFL, 0, 0);
    host_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0, 0);
    host_syscall(SYS_execve, (long)argv[0], (long)argv, (long)env, 0, 0, 0);
    for (;;)
        host_syscall(SYS_exit_group, 127, 0, 0, 0, 0, 0);
}

int core_helper_start(const struct core_name *o, int *pid)
{
    int p[2];
    if (pipe2(p, O_CLOEXEC))
        return -1;
    int self = o->pidfd ? (int)syscall(SYS_pidfd_open, getpid(), 0) : -1;
    int pidfd = self < 0 ? -1 : fcntl(self, F_DUPFD_CLOEXEC, PIDFD_NUMBER + 1);
    long r = host_syscall(SYS_clone, 0, 0, 0, 0, 0, 0); /* no signal when it ends */
    if (r == -EINVAL) /* an emulated kernel knows one kind of child only */
        r = host_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (r == 0)
        helper(o, p[0], pidfd);
    close(p[0]);
    if (r < 0) {
        close(p[1]);
        return -1;
    }
    *pid = (int)r;
    return p[1];
}

/* The kernel does not wait, unless told to, but neither does it want to know. */
bool core_helper_end(int pid)
{
    const struct timespec ms = {0, 1000000};
    int status;
    for (int i = 0; i < HELPER_MS; i++) {
        long r = host_syscall(SYS_wait4, pid, (long)&status, WNOHANG | __WALL, 0, 0, 0);
        if (r == pid)
            return WIFEXITED(status) && !WEXITSTATUS(status);
        if (r < 0 && r != -EINTR)
            return true; /* gone: somebody else has waited */
        nanosleep(&ms, NULL);
    }
    return true; /* it is still at it */
}
