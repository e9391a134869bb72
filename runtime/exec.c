/* execve: a new i386 program means a new xrun in the same process, with the same options; programs
 * of the host are left to the host kernel. Everything that can fail is checked first, since after
 * the host's execve there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/path.h"
#include "core/session.h"
#include "elfload/elfload.h"
#include "runtime/host.h"
#include "runtime/ptrace.h"
#include "syscalls/syscalls.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

enum { MAX_OPTION_ARGS = 60 };

/* The kernel started xrun by a rule of binfmt_misc where xrun's own file has no name: it can start it
 * again for the next program. */
static bool by_rule;

/* A descriptor of this very executable is kept only where /proc does not serve: when xrun starts
 * in a chroot without it, or the guest is about to chroot (sys_chroot). */
void exec_init(char **argv)
{
    if (opt.self_fd) {
        fcntl((int)opt.self_fd, F_SETFD, FD_CLOEXEC);
        return;
    }
    if (access("/proc/self/exe", X_OK) == 0)
        return;
    by_rule = binfmt_started(); /* and AT_EXECFN is the guest's program */
    if (by_rule)
        return;
    const char *fn = (const char *)getauxval(AT_EXECFN);
    int fd = open(fn ? fn : argv[0], O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    opt.self_fd = (uint32_t)options_fd_above(fd, OPTIONS_SELF_FD_MIN);
}

static int count(char **v)
{
    int n = 0;
    while (v[n])
        n++;
    return n;
}

/* What is to be executed: where to find it and what it is called (AT_EXECFN, a script's argument). */
struct target {
    char path[PATH_MAX + 32], name[PATH_MAX + 32];
    int dirfd; /* names it, -1: none does */
    int fd;    /* keeps it for the new xrun, which closes it; -1: not needed */
};

static char *joined(const char *option, const char *value)
{
    size_t size = strlen(option) + strlen(value) + 1;
    char *s = xmalloc(size);
    snprintf(s, size, "%s%s", option, value);
    return s;
}

/* ---- limits that bind the guest, not xrun ---- */

enum { LIMITS = 3 };
static const int limit_kinds[LIMITS] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA};

/* Sets the host's soft limits and gives what they were: the kernel looks at them in execve, and a program of the
 * host gets them. Not the hard ones: execve may fail. */
static void swap_limits(uint64_t soft[LIMITS], int n)
{
    for (int i = 0; i < n; i++) {
        struct rlimit l;
        getrlimit(limit_kinds[i], &l);
        const uint64_t was = l.rlim_cur;
        l.rlim_cur = soft[i] < l.rlim_max ? soft[i] : l.rlim_max;
        setrlimit(limit_kinds[i], &l);
        soft[i] = was;
    }
}

/* What the next xrun is told of them. */
static char *limits_text(const struct process *p)
{
    char *text;
    if (asprintf(&text, "--limits=%" PRIx64 ",%" PRIx64 ",%" PRIx64 ",%" PRIx64 ",%" PRIx64 ",%" PRIx64,
                 p->rlim_as[0], p->rlim_as[1], p->rlim_stack[0], p->rlim_stack[1], p->rlim_data[0],
                 p->rlim_data[1]) < 0)
        log_die(126, "out of memory");
    return text;
}

/* Replaces this process by a new xrun that runs the target with argv. */
static int64_t exec_self(const struct target *x, char **argv, char **envp)
{
    int argc = count(argv);
    const char **v = xcalloc((size_t)argc + MAX_OPTION_ARGS + 16, sizeof *v);
    char fd_text[32], exec_fd_text[32], seccomp_text[32], trace_text[32], mdwe_text[32];
    char persona_text[32];
    char self[PATH_MAX] = "/proc/thread-self/exe";
    char *limits = limits_text(thread_self->proc), *execfn = joined("--execfn=", x->name);
    int self_fd = opt.self_fd ? (int)opt.self_fd : -1;
    const uint32_t persona = thread_self->proc->personality;
    int n = 0;
    snprintf(persona_text, sizeof persona_text, "--personality=%" PRIu32, persona);
    if (opt.exec_via) {
        ssize_t k = readlink("/proc/self/exe", self, sizeof self - 1);
        self[k > 0 ? k : 0] = 0;
        v[n++] = opt.exec_via;
        v[n++] = self;
    } else {
        v[n++] = "xrun";
    }
    n += options_for_child(v + n, MAX_OPTION_ARGS);
    snprintf(fd_text, sizeof fd_text, "--self-fd=%d", self_fd);
    if (self_fd >= 0 && !opt.exec_via)
        v[n++] = fd_text;
    snprintf(exec_fd_text, sizeof exec_fd_text, "--exec-fd=%d", x->fd);
    if (x->fd >= 0)
        v[n++] = exec_fd_text;
    int seccomp_fd = seccomp_save(thread_self);
    snprintf(seccomp_text, sizeof seccomp_text, "--seccomp-fd=%d", seccomp_fd);
    if (seccomp_fd >= 0)
        v[n++] = seccomp_text;
    int trace_fd = ptrace_exec_save(thread_self);
    snprintf(trace_text, sizeof trace_text, "--trace-fd=%d", trace_fd);
    if (trace_fd >= 0)
        v[n++] = trace_text;
    snprintf(mdwe_text, sizeof mdwe_text, "--mdwe=%u", mem_inherited_mdwe());
    if (mem_inherited_mdwe())
        v[n++] = mdwe_text;
    if (strcmp(x->path, x->name))
        v[n++] = execfn;
    if (persona != process_host_personality())
        v[n++] = persona_text;
    v[n++] = limits;
    v[n++] = "--argv0"; /* the longest string that the kernel takes has no room for more */
    v[n++] = argc ? argv[0] : ""; /* the kernel makes up an empty one too */
    v[n++] = "--child";
    v[n++] = "--";
    v[n++] = x->path;
    for (int i = 1; i < argc; i++)
        v[n++] = argv[i];
    long r = -ENOENT;
    if (opt.exec_via) {
        r = host_syscall(SYS_execve, (long)opt.exec_via, (long)v, (long)envp, 0, 0, 0);
    } else if (self_fd >= 0) {
        fcntl(self_fd, F_SETFD, 0);
        r = host_syscall(SYS_execveat, self_fd, (long)"", (long)v, (long)envp, AT_EMPTY_PATH, 0);
        fcntl(self_fd, F_SETFD, FD_CLOEXEC);
    }
    if (!opt.exec_via && (r == -ENOENT || r == -ENOSYS))
        r = host_syscall(SYS_execve, (long)"/proc/thread-self/exe", (long)v, (long)envp, 0, 0, 0);
    if (seccomp_fd >= 0)
        close(seccomp_fd);
    if (trace_fd >= 0)
        close(trace_fd);
    free(limits);
    free(execfn);
    free(v);
    return r;
}

/* What finally runs, behind all #! lines, and its host path. */
static enum elfload_kind final_kind(const struct target *x, char host[PATH_MAX], bool *script,
                                    struct elfload_error *e)
{
    enum elfload_kind k = ELFLOAD_OTHER;
    char *path = xstrdup(x->path), **added = xcalloc(1, sizeof *added);
    if (!elfload_script(&path, &added, x->name, e) && !path_to_host(path, host, true, false))
        k = elfload_identify(host);
    *script = added[0];
    for (int i = 0; added[i]; i++)
        free(added[i]);
    free(added);
    free(path);
    return k;
}

/* What execve says of the file itself. The kernel knows more (files open for writing, noexec mounts)
 * and since Linux 6.14 tells without executing. */
static int check_permission(const char *host)
{
    static const char *const argv[] = {"", NULL};
    struct stat st;
    long r = host_syscall(SYS_execveat, AT_FDCWD, (long)host, (long)argv, (long)(argv + 1),
                          AT_EXECVE_CHECK, 0);
    if (r != -EINVAL && r != -ENOSYS && r != -EPERM)
        return (int)r;
    if (stat(host, &st))
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return path_executable(host);
}

/* Names relative to a descriptor go through /proc; the kernel calls them /dev/fd/... */
static int find_target(struct target *x, struct thread *t, int dirfd, const char *path, int flags)
{
    struct stat st;
    char exe[PATH_MAX]; /* what /proc/self/exe, by whatever name, is to the guest */
    int n = proc_readlink(t, dirfd, path, exe, sizeof exe - 1);
    x->dirfd = x->fd = -1;
    if (n > 0) {
        exe[n] = 0;
        snprintf(x->name, sizeof x->name, "%s", path);
        snprintf(x->path, sizeof x->path, "%s", exe);
        return 0;
    }
    if (!*path && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    if (*path == '/' || (*path && dirfd == AT_FDCWD)) {
        snprintf(x->name, sizeof x->name, "%s", path);
        snprintf(x->path, sizeof x->path, "%s%s", strchr(path, '/') ? "" : "./", path); /* not for PATH */
        return 0;
    }
    if (dirfd == AT_FDCWD)
        return -EACCES; /* the current directory */
    if (fstat(dirfd, &st))
        return -EBADF;
    if (*path && !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    x->dirfd = dirfd;
    snprintf(x->name, sizeof x->name, "/dev/fd/%d%s%s", dirfd, *path ? "/" : "", path);
    snprintf(x->path, sizeof x->path, "/proc/thread-self/fd/%d%s%s", dirfd, *path ? "/" : "", path);
    return 0;
}

/* A descriptor that execve closes must not take the program's name with it. */
static void keep_target(struct target *x, const char *host)
{
    if (x->dirfd < 0 || !(fcntl(x->dirfd, F_GETFD) & FD_CLOEXEC))
        return;
    x->fd = options_fd_above(open(host, O_PATH | O_CLOEXEC), OPTIONS_SELF_FD_MIN);
    if (x->fd < 0)
        return;
    fcntl(x->fd, F_SETFD, 0);
    snprintf(x->path, sizeof x->path, "/proc/thread-self/fd/%d", x->fd);
}

/* PR_SET_MDWE, which every execve passes on, for a program of the host. It cannot be taken back and binds the whole
 * memory, xrun's own and that of others in it: only where there are none and execve is not known to fail. An i386
 * program that comes here is run by a new xrun, which could translate nothing any more. */
static void pass_mdwe(const struct thread *t, enum elfload_kind k)
{
    if (!mem_inherited_mdwe())
        return;
    if (k == ELFLOAD_HOST && !mem_company && !t->proc->memory_parent)
        prctl(PR_SET_MDWE, mem_inherited_mdwe(), 0, 0, 0);
    else
        report_loss("PR_SET_MDWE is not passed on to the program executed");
}

int64_t exec_program(struct thread *t, int dirfd, const char *path, char **argv, char **envp,
                     int flags)
{
    char host[PATH_MAX], final[PATH_MAX];
    struct elfload_error e = {0};
    struct target x;
    struct stat st;
    bool script;
    int r = -EINVAL;
    if (!(flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK)))
        r = find_target(&x, t, dirfd, path, flags);
    r = r ? r : path_to_host(x.path, host, true, false);
    if (r)
        return r;
    if (*path && (flags & AT_SYMLINK_NOFOLLOW) && !lstat(host, &st) && S_ISLNK(st.st_mode))
        return -ELOOP;
    if (flags & AT_EXECVE_CHECK) /* older kernels refuse the flag */
        return host_syscall(SYS_execveat, AT_FDCWD, (long)host, (long)argv, (long)envp,
                            AT_EXECVE_CHECK, 0);
    r = check_permission(host);
    if (r)
        return r;
    enum elfload_kind k = final_kind(&x, final, &script, &e);
    if (e.err || (k == ELFLOAD_I386 && elfload_check(final, &e)))
        return -e.err;
    if (script && x.dirfd >= 0 && fcntl(x.dirfd, F_GETFD) & FD_CLOEXEC)
        return -ENOENT; /* the interpreter could not open it */
    cache_store(t->proc);
    uint64_t mask;
    signal_block_all(&mask);
    signal_requeue(t);
    uint64_t guest_mask = t->sigmask;
    process_release(t);
    tracer_ends(t);
    signal_default_by_host(t->proc, true); /* those that come from now on are for the new program */
    host_syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&guest_mask, 0, 8, 0, 0);
    int64_t ret;
    bool rule = by_rule && !opt.self_fd && !t->seccomp && !t->trace; /* these would be lost */
    bool ours = k == ELFLOAD_I386 && !rule;
    uint64_t soft[LIMITS] = {t->proc->rlim_stack[0], t->proc->rlim_as[0], t->proc->rlim_data[0]};
    swap_limits(soft, ours ? 1 : LIMITS);
    if (ours) {
        keep_target(&x, host);
        session_pass(true);
        ret = exec_self(&x, argv, envp);
        session_pass(false);
        if (x.fd >= 0)
            close(x.fd);
    } else {
        pass_mdwe(t, k);
        process_pass_personality(t->proc->personality, true);
        ret = host_syscall(SYS_execve, (long)host, (long)argv, (long)envp, 0, 0, 0);
        process_pass_personality(t->proc->personality, false);
    }
    swap_limits(soft, ours ? 1 : LIMITS);
    signal_default_by_host(t->proc, false);
    signal_restore(mask);
    return ret;
}
