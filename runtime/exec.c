/* execve: a new i386 program means a new xrun in the same process, with the same options; programs
 * of the host are left to the host kernel. Everything that can fail is checked first, since after
 * the host's execve there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/options.h"
#include "core/path.h"
#include "elfload/elfload.h"
#include "runtime/runtime.h"

enum { MAX_OPTION_ARGS = 40 };

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
    const char *fn = (const char *)getauxval(AT_EXECFN);
    int fd = open(fn ? fn : argv[0], O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, OPTIONS_SELF_FD_MIN);
    opt.self_fd = (uint32_t)(high < 0 ? fd : high);
    if (high >= 0)
        close(fd);
}

static int count(char **v)
{
    int n = 0;
    while (v[n])
        n++;
    return n;
}

/* Replaces this process by a new xrun that runs `path` (a guest path) with argv. */
static int64_t exec_self(const char *path, char **argv, char **envp)
{
    int argc = count(argv);
    const char **v = xcalloc((size_t)argc + MAX_OPTION_ARGS + 8, sizeof *v);
    char fd_text[32], *argv0 = NULL;
    int self_fd = opt.self_fd ? (int)opt.self_fd : -1;
    char self[PATH_MAX] = "/proc/self/exe";
    int n = 0;
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
    if (argc) {
        size_t size = strlen(argv[0]) + 10;
        argv0 = xmalloc(size);
        snprintf(argv0, size, "--argv0=%s", argv[0]);
        v[n++] = argv0;
    }
    v[n++] = "--child";
    v[n++] = "--";
    v[n++] = path;
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
        r = host_syscall(SYS_execve, (long)"/proc/self/exe", (long)v, (long)envp, 0, 0, 0);
    free(argv0);
    free(v);
    return r;
}

/* What finally runs when `guest` is executed, behind all #! lines, and its host path. */
static enum elfload_kind final_kind(const char *guest, char host[PATH_MAX], struct elfload_error *e)
{
    enum elfload_kind k = ELFLOAD_OTHER;
    char *path = xstrdup(guest), **added = xcalloc(1, sizeof *added);
    if (!elfload_script(&path, &added, e) && !path_to_host(path, host, true, false))
        k = elfload_identify(host);
    for (int i = 0; added[i]; i++)
        free(added[i]);
    free(added);
    free(path);
    return k;
}

static int check_permission(const char *host)
{
    struct stat st;
    if (stat(host, &st))
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return faccessat(AT_FDCWD, host, X_OK, AT_EACCESS) ? -errno : 0;
}

int64_t exec_program(struct thread *t, int dirfd, const char *path, char **argv, char **envp,
                     int flags)
{
    char guest[PATH_MAX + 32], host[PATH_MAX], final[PATH_MAX];
    struct elfload_error e = {0};
    if (!*path && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    if (!*path || (*path != '/' && dirfd != AT_FDCWD))
        snprintf(guest, sizeof guest, "/proc/self/fd/%d%s%s", dirfd, *path ? "/" : "", path);
    else
        snprintf(guest, sizeof guest, "%s", path);
    if (!strcmp(guest, "/proc/self/exe"))
        snprintf(guest, sizeof guest, "%s", t->proc->exe_guest);
    int r = path_to_host(guest, host, true, false);
    if (r)
        return r;
    struct stat st;
    if ((flags & AT_SYMLINK_NOFOLLOW) && !lstat(host, &st) && S_ISLNK(st.st_mode))
        return -ELOOP;
    r = check_permission(host);
    if (r)
        return r;
    enum elfload_kind k = final_kind(guest, final, &e);
    if (e.err || (k == ELFLOAD_I386 && elfload_check(final, &e)))
        return -e.err;
    uint64_t mask;
    signal_block_all(&mask);
    signal_requeue(t);
    uint64_t guest_mask = t->sigmask;
    host_syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&guest_mask, 0, 8, 0, 0);
    int64_t ret;
    if (k == ELFLOAD_I386)
        ret = exec_self(guest, argv, envp);
    else
        ret = host_syscall(SYS_execve, (long)host, (long)argv, (long)envp, 0, 0, 0);
    signal_restore(mask);
    return ret;
}
