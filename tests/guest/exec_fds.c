/* execve of a program that may have few descriptors: by one that is closed, with a seccomp filter, traced; of itself by
 * all names that /proc has for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* This program without a name. */
static int copy(int flags)
{
    static char buf[65536];
    ssize_t n;
    int to = memfd_create("copy", flags), from = open("/proc/self/exe", O_RDONLY);
    while ((n = read(from, buf, sizeof buf)) > 0)
        write(to, buf, (size_t)n);
    close(from);
    return to;
}

static void filter(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {sizeof f / sizeof *f, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}

static void start(const char *how, int fd)
{
    char *argv[] = {"exec_fds", (char *)how, NULL}, path[64] = "/proc/self/exe";
    if (!strcmp(how, "pid"))
        snprintf(path, sizeof path, "/proc/%d/exe", getpid());
    if (!strcmp(how, "thread-self"))
        strcpy(path, "/proc/thread-self/exe");
    if (!strcmp(how, "relative"))
        strcpy(path, chdir("/proc/self") ? "" : "exe");
    if (fd < 0)
        execv(path, argv);
    else
        fexecve(fd, argv, environ);
    printf("%s: %d\n", how, errno);
    _exit(1);
}

static void expect(const char *how)
{
    int status = -1;
    wait(&status);
    printf("%s: status %#x\n", how, status);
}

int main(int argc, char **argv)
{
    const struct rlimit few = {32, 32};
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1) {
        int filtered = syscall(SYS_getppid) < 0 && errno == ENOSPC;
        printf("%s: runs, filter %d, next descriptor %d\n", argv[1], filtered, dup(1));
        return 3;
    }
    static const char *const names[] = {"pid", "thread-self", "relative"};
    for (int i = 0; i < 3; i++) {
        if (fork() == 0)
            start(names[i], -1);
        expect(names[i]);
    }
    setrlimit(RLIMIT_NOFILE, &few);
    if (fork() == 0)
        start("memfd", copy(0));
    expect("memfd");
    if (fork() == 0)
        start("closed memfd", copy(MFD_CLOEXEC));
    expect("closed memfd");
    if (fork() == 0) {
        filter();
        start("filter", -1);
    }
    expect("filter");
    pid_t pid = fork();
    if (pid == 0) {
        printf("traced: %ld\n", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        start("traced", -1);
    }
    expect("traced");
    long r = ptrace(PTRACE_CONT, pid, NULL, NULL);
    expect("traced");
    printf("went on: %ld\n", r);
    return 0;
}
