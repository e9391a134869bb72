/* --binfmt: lets the kernel start i386 programs with xrun (Linux Documentation/admin-guide/binfmt-misc.rst).
 *
 * Flags: P, argv[0] must be the program's own; O, so that programs that cannot be read or that have
 * only a descriptor run too; F, the interpreter is opened when it is registered, so that it is there in
 * chroots and containers (xrun is static). Not C: a set-user-id program would give all of xrun
 * its rights; without C it runs with those of the caller. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/options.h"
#include "runtime/runtime.h"

#define DIRECTORY "/proc/sys/fs/binfmt_misc"
#define ENTRY DIRECTORY "/xrun-i386"
/* ELF, 32 bits, little-endian, version 1; a program or shared object; Intel 80386 */
#define MAGIC "\\x7fELF\\x01\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x03\\x00"
#define MASK "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xfe\\xff\\xff\\xff"

#ifndef AT_FLAGS_PRESERVE_ARGV0
#define AT_FLAGS_PRESERVE_ARGV0 1
#endif

bool binfmt_started(void)
{
    return getauxval(AT_FLAGS) & AT_FLAGS_PRESERVE_ARGV0;
}

/* A program that exits with 42, tried out: does anything run i386 programs here already? */
static bool i386_runs(void)
{
    static const uint8_t program[] = {
        0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0,
        0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08, 96, 0, 0, 0, 96, 0, 0, 0,
        5, 0, 0, 0, 0, 0x10, 0, 0,
        0x31, 0xc0, 0x40, 0x31, 0xdb, 0xb3, 42, 0xcd, 0x80, 0, 0, 0}; /* exit(42) */
    int fd = memfd_create("i386", 0), status = 0;
    if (fd < 0 || write(fd, program, sizeof program) != sizeof program) {
        close(fd);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        char *const argv[] = {(char *)"i386", NULL};
        fexecve(fd, argv, argv + 1);
        _exit(1);
    }
    close(fd);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static bool rule(char *buf, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || memchr(self, ':', (size_t)n))
        return false;
    self[n] = 0;
    return (size_t)snprintf(buf, size, ":xrun-i386:M::%s:%s:%s:POF", MAGIC, MASK, self) < size;
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int e = errno;
    if (fd >= 0)
        close(fd);
    return n < 0 ? e : 0;
}

static int failed(const char *what, int e)
{
    log_user("--binfmt: %s: %s%s", what, strerror(e),
             e == EACCES || e == EPERM ? " (only root may, or the root of a user namespace)" : "");
    return 1;
}

static int status(void)
{
    char text[1024];
    int fd = open(ENTRY, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        printf("not registered\n");
    else
        printf("registered\n%.*s", (int)n, text);
    if (n < 0)
        printf("i386 programs %s here without it\n", i386_runs() ? "run" : "do not run");
    return n < 0;
}

static int do_register(void)
{
    char text[PATH_MAX + 512];
    if (access(ENTRY, F_OK) == 0)
        return failed("register", EEXIST);
    if (!opt.force && i386_runs()) {
        log_user("--binfmt: i386 programs run here already, by the kernel itself or another interpreter, "
                 "and would become slower; --force registers xrun all the same");
        return 1;
    }
    if (access(DIRECTORY "/register", F_OK) && mount("binfmt_misc", DIRECTORY, "binfmt_misc", 0, NULL))
        return failed("mounting " DIRECTORY, errno);
    if (!rule(text, sizeof text))
        return failed("the path of xrun", ENAMETOOLONG);
    int e = put(DIRECTORY "/register", text);
    return e ? failed("register", e) : 0;
}

static int do_unregister(void)
{
    int e = put(ENTRY, "-1");
    return e ? failed("unregister", e == ENOENT ? ENOENT : e) : 0;
}

int binfmt_command(const char *word)
{
    char text[PATH_MAX + 512];
    if (!strcmp(word, "status"))
        return status();
    if (!strcmp(word, "register"))
        return do_register();
    if (!strcmp(word, "unregister"))
        return do_unregister();
    if (!strcmp(word, "print") && rule(text, sizeof text)) {
        puts(text);
        return 0;
    }
    log_user("--binfmt: status, register, unregister or print");
    return 126;
}

/* AT_EXECFD stays open only until the program is loaded. Where its name cannot be used for reading
 * the descriptor is. */
const char *binfmt_program(const char *name)
{
    static char by_fd[48];
    unsigned long fd = getauxval(AT_EXECFD);
    if (!fd)
        return name;
    fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    opt.exec_fd = (uint32_t)fd;
    if (access(name, R_OK) == 0)
        return name;
    snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%lu", fd);
    return by_fd;
}
