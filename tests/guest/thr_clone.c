/* clone and clone3: which flags may go together, what each of them shares, what is written where. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/futex.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

struct args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

static char stack_[16384] __attribute__((aligned(16)));
static volatile int ran, ptid, ctid, pidfd, value;
static volatile int gate;

static long sys(long nr, long a, long b, long c, long d, long e)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return r;
}

/* The child runs fn on the new stack (or on a copy of this one) and exits with its result. */
static long do_clone(unsigned flags, void *stack, void *pt, void *tls, void *ct, int (*fn)(void))
{
    long r;
    void **sp = stack;
    if (sp)
        *--sp = fn;
    __asm__ volatile("int $0x80\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "test %%ecx, %%ecx\n\t"
                     "jz 2f\n\t"
                     "pop %%eax\n\t"
                     "call *%%eax\n\t"
                     "jmp 3f\n"
                     "2:\tcall *%[fn]\n"
                     "3:\tmov %%eax, %%ebx\n\t"
                     "mov $1, %%eax\n\t"
                     "int $0x80\n"
                     "1:"
                     : "=a"(r)
                     : "a"(120), "b"(flags), "c"(sp), "d"(pt), "S"(tls), "D"(ct), [fn] "m"(fn)
                     : "memory");
    return r;
}

static long do_clone3(struct args *a, unsigned size, int (*fn)(void))
{
    long r;
    __asm__ volatile("int $0x80\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "call *%[fn]\n\t"
                     "mov %%eax, %%ebx\n\t"
                     "mov $1, %%eax\n\t"
                     "int $0x80\n"
                     "1:"
                     : "=a"(r)
                     : "a"(435), "b"(a), "c"(size), [fn] "S"(fn)
                     : "memory", "edx", "edi");
    return r;
}

static const char *name(long r)
{
    return r >= 0 ? "ok" : r == -EINVAL ? "EINVAL" : r == -EPERM ? "EPERM" : r == -EFAULT ? "EFAULT"
         : r == -E2BIG ? "E2BIG" : r == -EBADF ? "EBADF" : r == -ENOSYS ? "ENOSYS"
         : r == -EEXIST ? "EEXIST" : r == -ESRCH ? "ESRCH" : r == -EBUSY ? "EBUSY" : "other";
}

static void *top(void) { return stack_ + sizeof stack_; }
static int quick(void) { ran = 1; return 7; }

/* Waits until the child has ended, whoever its parent is. `ctid` is cleared then. */
static void wait_gone(void)
{
    int v;
    while ((v = ctid))
        sys(SYS_futex, (long)&ctid, FUTEX_WAIT, v, 0, 0);
}

static void run_one(unsigned flags)
{
    int status = 0;
    ran = 0;
    ctid = 1;
    long r = do_clone(flags | CLONE_CHILD_CLEARTID, flags & CLONE_VM ? top() : NULL, (void *)&ptid, NULL,
                      (void *)&ctid, quick);
    printf(" %s", name(r));
    if (r <= 0)
        return;
    if (flags & CLONE_VM)
        wait_gone();
    if (!(flags & (CLONE_THREAD | CLONE_PARENT))) {
        waitpid(r, &status, __WALL);
        printf("/%d", WEXITSTATUS(status));
    }
    if (flags & CLONE_VM)
        printf("/ran%d", ran);
}

static void table(void)
{
    static const struct { const char *n; unsigned f; } base[] = {
        {"0", 0}, {"VM", CLONE_VM}, {"VM|SIGHAND", CLONE_VM | CLONE_SIGHAND},
        {"SIGHAND", CLONE_SIGHAND}, {"THREAD", CLONE_THREAD}, {"THREAD|VM", CLONE_THREAD | CLONE_VM},
        {"THREAD|SIGHAND", CLONE_THREAD | CLONE_SIGHAND},
        {"VM|SIGHAND|THREAD", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD},
        {"VM|VFORK", CLONE_VM | CLONE_VFORK}, {"FS", CLONE_FS},
        {"VM|FS|FILES|SIGHAND", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND},
    };
    static const struct { const char *n; unsigned f; } more[] = {
        {"-", 0}, {"FS", CLONE_FS}, {"FILES", CLONE_FILES}, {"SIGHAND", CLONE_SIGHAND},
        {"PTRACE", CLONE_PTRACE}, {"VFORK", CLONE_VFORK}, {"PARENT", CLONE_PARENT},
        {"THREAD", CLONE_THREAD}, {"SYSVSEM", CLONE_SYSVSEM}, {"PARENT_SETTID", CLONE_PARENT_SETTID},
        {"DETACHED", CLONE_DETACHED}, {"UNTRACED", CLONE_UNTRACED}, {"CHILD_SETTID", CLONE_CHILD_SETTID},
        {"IO", CLONE_IO}, {"PIDFD|DETACHED", CLONE_PIDFD | CLONE_DETACHED},
        {"PIDFD|PARENT_SETTID", CLONE_PIDFD | CLONE_PARENT_SETTID},
        {"sig17", 17}, {"sig10", 10}, {"sig64", 64}, {"sig65", 65}, {"sig255", 255},
        {"NEWNS|FS", CLONE_NEWNS | CLONE_FS}, {"NEWUSER|FS", CLONE_NEWUSER | CLONE_FS},
        {"NEWIPC|SYSVSEM", CLONE_NEWIPC | CLONE_SYSVSEM},
    };
    signal(SIGUSR1, SIG_IGN);
    signal(64, SIG_IGN);
    for (unsigned i = 0; i < sizeof base / sizeof *base; i++) {
        printf("%s:", base[i].n);
        for (unsigned j = 0; j < sizeof more / sizeof *more; j++) {
            printf(" %s", more[j].n);
            fflush(stdout);
            if (more[j].f == (CLONE_NEWIPC | CLONE_SYSVSEM) && geteuid())
                continue;
            run_one(base[i].f | more[j].f);
        }
        printf("\n");
    }
}

/* ---- what is shared ---- */

static int use_fd, handled;
static void on_usr1(int s) { (void)s; handled = 1; }
static void on_usr2(int s) { (void)s; handled = 2; }

static int sharing(void)
{
    struct sigaction sa = {.sa_handler = on_usr2};
    value = 42;
    sys(SYS_close, use_fd, 0, 0, 0, 0);
    sys(SYS_chdir, (long)"/proc", 0, 0, 0, 0);
    sys(SYS_umask, 0123, 0, 0, 0, 0);
    sigaction(SIGUSR1, &sa, NULL);
    return 3;
}

static void shared(const char *what, unsigned flags)
{
    char cwd[64];
    int status = 0;
    struct sigaction sa = {.sa_handler = on_usr1}, now;
    chdir("/");
    umask(022);
    sigaction(SIGUSR1, &sa, NULL);
    value = 1;
    use_fd = open("/dev/null", O_RDONLY);
    ctid = 1;
    long r = do_clone(flags | CLONE_CHILD_CLEARTID | (flags & CLONE_THREAD ? 0 : SIGCHLD),
                      flags & CLONE_VM ? top() : NULL, NULL, NULL, (void *)&ctid, sharing);
    if (r > 0 && flags & CLONE_VM)
        wait_gone();
    if (r > 0 && !(flags & CLONE_THREAD))
        waitpid(r, &status, __WALL);
    getcwd(cwd, sizeof cwd);
    sigaction(SIGUSR1, NULL, &now);
    printf("%s: %s memory %d fd %s cwd %s umask %o handler %s status %d\n", what, name(r), value,
           fcntl(use_fd, F_GETFD) < 0 ? "closed" : "open", cwd, umask(022),
           now.sa_handler == on_usr1 ? "own" : "changed", WEXITSTATUS(status));
    close(use_fd);
}

/* ---- who is who ---- */

static volatile int child_pid, child_ppid, child_tid, c_ptid, c_ctid;
static int identify(void)
{
    child_pid = sys(SYS_getpid, 0, 0, 0, 0, 0);
    child_ppid = sys(SYS_getppid, 0, 0, 0, 0, 0);
    child_tid = sys(SYS_gettid, 0, 0, 0, 0, 0);
    c_ptid = ptid;
    c_ctid = ctid;
    gate = 1;
    sys(SYS_futex, (long)&gate, FUTEX_WAKE, 1, 0, 0);
    return 5;
}

static void identity(const char *what, unsigned flags)
{
    int status = 0, me = getpid();
    ptid = ctid = 0;
    gate = 0;
    child_pid = child_ppid = child_tid = 0;
    long r = do_clone(flags | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, top(),
                      (void *)&ptid, NULL, (void *)&ctid, identify);
    int seen = ptid;
    while (!gate)
        sys(SYS_futex, (long)&gate, FUTEX_WAIT, 0, 0, 0);
    wait_gone();
    int w = flags & CLONE_THREAD ? 0 : waitpid(r, &status, __WALL);
    printf("%s: pid %s ppid %s tid %s ptid %s in child %s ctid %s cleared %d waited %s %d\n", what,
           child_pid == me ? "same" : child_pid == r ? "child" : "?",
           child_ppid == me ? "me" : child_ppid == getppid() ? "my parent" : "?",
           child_tid == r ? "child" : "?", seen == r ? "set" : "no", c_ptid == r ? "set" : "no",
           c_ctid == r ? "set" : "no", ctid, w == r ? "yes" : "no", WEXITSTATUS(status));
}

/* ---- signals at exit ---- */

static volatile int got_sig;
static void note(int s) { got_sig = s; }

static void exit_signal(int sig, int options)
{
    struct sigaction sa = {.sa_handler = note};
    int status = 0;
    got_sig = 0;
    if (sig)
        sigaction(sig, &sa, NULL);
    ctid = 1;
    long r = do_clone(CLONE_VM | CLONE_CHILD_CLEARTID | sig, top(), NULL, NULL, (void *)&ctid, quick);
    wait_gone();
    int w;
    siginfo_t si;
    while (sys(SYS_waitid, P_PID, r, (long)&si, WEXITED | WNOWAIT | __WALL, 0) == -EINTR)
        ; /* the signal has been sent by now */
    errno = 0;
    do
        w = waitpid(r, &status, options);
    while (w < 0 && errno == EINTR);
    printf("exit signal %d, wait options %x: %s %s status %d signal %d\n", sig, options,
           w == r ? "waited" : "not waited", w < 0 ? strerror(errno) : "-", WEXITSTATUS(status), got_sig);
    if (w < 0)
        waitpid(r, &status, __WALL);
}

/* ---- two processes at once in one memory ---- */

static volatile int turn;
static int ping(void)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(p, "from the child");
    for (int i = 0; i < 200; i++) {
        while (turn != 1)
            sys(SYS_futex, (long)&turn, FUTEX_WAIT, 0, 0, 0);
        turn = 0;
        sys(SYS_futex, (long)&turn, FUTEX_WAKE, 1, 0, 0);
    }
    value = (int)p;
    return 9;
}

static void concurrent(void)
{
    int status;
    turn = 0;
    long r = do_clone(CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, top(), NULL, NULL, NULL, ping);
    for (int i = 0; i < 200; i++) {
        while (turn != 0)
            sys(SYS_futex, (long)&turn, FUTEX_WAIT, 1, 0, 0);
        turn = 1;
        sys(SYS_futex, (long)&turn, FUTEX_WAKE, 1, 0, 0);
    }
    int w = waitpid(r, &status, 0);
    printf("concurrent: %s %d, mapped by the child: %s\n", w == r ? "waited" : "?", WEXITSTATUS(status), (char *)value);
}

static int wait_forever(void)
{
    gate = 1;
    sys(SYS_futex, (long)&gate, FUTEX_WAKE, 1, 0, 0);
    for (;;)
        sys(SYS_pause, 0, 0, 0, 0, 0);
    return 0;
}

static void killed(int sig)
{
    int status;
    gate = 0;
    long r = do_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, top(), NULL, NULL, NULL,
                      wait_forever);
    while (!gate)
        sys(SYS_futex, (long)&gate, FUTEX_WAIT, 0, 0, 0);
    kill(r, sig);
    int w = waitpid(r, &status, 0);
    printf("killed by %d: %s signal %d\n", sig, w == r ? "waited" : "?", WTERMSIG(status));
}

static int do_exec(void)
{
    static char *argv[] = {"/bin/sh", "-c", "exit 33", NULL}, *envp[] = {NULL};
    execve(argv[0], argv, envp);
    return 1;
}

static void execs(void)
{
    int status;
    long r = do_clone(CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, top(), NULL, NULL, NULL, do_exec);
    int w = waitpid(r, &status, 0);
    printf("exec in a child that shares memory: %s %d\n", w == r ? "waited" : "?", WEXITSTATUS(status));
}

/* ---- clone3 ---- */

static void c3(const char *what, struct args a, unsigned size)
{
    int status = 0;
    long r = do_clone3(&a, size, quick);
    printf("clone3 %s: %s", what, name(r));
    if (r > 0 && !(a.flags & CLONE_THREAD)) {
        waitpid(r, &status, __WALL);
        printf(" %d", WEXITSTATUS(status));
    }
    printf("\n");
}

static void clone3_table(void)
{
    const struct args z = {.exit_signal = SIGCHLD};
    struct args a;
    static struct { struct args a; uint64_t more[8]; } big;
    int tid1 = 1;
    for (unsigned s = 0; s <= 96; s += 8) {
        char t[32];
        sprintf(t, "size %u", s);
        if (s <= 88)
            c3(t, z, s);
    }
    c3("size 65", z, 65);
    big.a = z;
    printf("size 96: %s\n", name(do_clone3(&big.a, 96, quick)));
    big.more[0] = 1;
    printf("size 96 not zero: %s\n", name(do_clone3(&big.a, 96, quick)));
    printf("size 4097: %s\n", name(do_clone3(&big.a, 4097, quick)));
    printf("NULL: %s\n", name(do_clone3(NULL, 88, quick)));
    printf("bad: %s\n", name(do_clone3((void *)0xfffff000, 88, quick)));
    while (wait(NULL) > 0)
        ;
#define T(what, ...) (a = z, __VA_ARGS__, c3(what, a, sizeof a))
    T("DETACHED", a.flags = CLONE_DETACHED);
    T("signal in flags", a.flags = SIGCHLD);
    T("unknown flag", a.flags = 1ull << 40);
    T("CLEAR_SIGHAND", a.flags = CLONE_CLEAR_SIGHAND);
    T("CLEAR_SIGHAND|SIGHAND", a.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM);
    T("THREAD with signal", a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
    T("PARENT with signal", a.flags = CLONE_PARENT);
    T("signal 65", a.exit_signal = 65);
    T("signal 256", a.exit_signal = 256);
    T("signal 1<<32", a.exit_signal = 1ull << 32 | SIGCHLD);
    T("stack without size", a.stack = (uintptr_t)stack_);
    T("size without stack", a.stack_size = 4096);
    T("stack too high", a.stack = 0xfffff000u, a.stack_size = 0x10000);
    T("stack above 4G", a.stack = 1ull << 32, a.stack_size = 0x10000);
    T("set_tid_size 33", a.set_tid = (uintptr_t)&tid1, a.set_tid_size = 33);
    T("set_tid without size", a.set_tid = (uintptr_t)&tid1);
    T("set_tid_size without tid", a.set_tid_size = 1);
    T("set_tid bad pointer", a.set_tid = 0xfffff000u, a.set_tid_size = 1);
    T("cgroup above INT_MAX", a.flags = CLONE_INTO_CGROUP, a.cgroup = 1ull << 31);
    T("cgroup bad fd", a.flags = CLONE_INTO_CGROUP, a.cgroup = 999);
    T("cgroup not one", a.flags = CLONE_INTO_CGROUP, a.cgroup = 0);
    T("PIDFD|DETACHED", a.flags = CLONE_PIDFD | CLONE_DETACHED);
    T("PIDFD|PARENT_SETTID same place", a.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
      a.pidfd = a.parent_tid = (uintptr_t)&ptid);
    pidfd = -1;
    T("PIDFD", a.flags = CLONE_PIDFD, a.pidfd = (uintptr_t)&pidfd);
    printf("pidfd %s flags %x\n", pidfd >= 0 ? "given" : "none", pidfd >= 0 ? fcntl(pidfd, F_GETFD) : -1);
    a = z;
    c3("INTO_CGROUP, old size", (a.flags = CLONE_INTO_CGROUP, a), 80);
}

static void clear_sighand(void)
{
    struct sigaction sa = {.sa_handler = on_usr1};
    struct args a = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    int status;
    sigaction(SIGUSR1, &sa, NULL);
    signal(SIGUSR2, SIG_IGN);
    long r = syscall(435, &a, sizeof a);
    if (!r) {
        struct sigaction u1, u2;
        sigaction(SIGUSR1, NULL, &u1);
        sigaction(SIGUSR2, NULL, &u2);
        _exit((u1.sa_handler == SIG_DFL) | (u2.sa_handler == SIG_IGN) << 1);
    }
    waitpid(r, &status, 0);
    printf("CLEAR_SIGHAND: %d\n", WEXITSTATUS(status));
    signal(SIGUSR2, SIG_DFL);
}

int main(void)
{
    int status;
    setvbuf(stdout, NULL, _IONBF, 0);
    long probe = do_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, top(), NULL, NULL, NULL, quick);
    waitpid(probe, &status, 0);
    if (!ran) {
        printf("the memory of a child is not shared\n");
        return 1;
    }
    if (!fork()) { /* takes the children of CLONE_PARENT */
        if (!fork()) {
            table();
            _exit(0);
        }
        while (wait4(-1, &status, __WALL, NULL) > 0)
            ;
        _exit(0);
    }
    wait(NULL);
    shared("fork", 0);
    shared("FILES", CLONE_FILES);
    shared("FS", CLONE_FS);
    shared("VM", CLONE_VM);
    shared("VM|SIGHAND", CLONE_VM | CLONE_SIGHAND);
    shared("VM|FS|FILES|SIGHAND", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND);
    shared("VM|VFORK", CLONE_VM | CLONE_VFORK);
    shared("VFORK", CLONE_VFORK);
    shared("THREAD", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
    shared("THREAD|FS", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS);
    shared("THREAD|FILES", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES);
    identity("VM", CLONE_VM | SIGCHLD);
    identity("VM|PARENT_SETTID", CLONE_VM | SIGCHLD);
    identity("thread", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
    exit_signal(SIGCHLD, 0);
    exit_signal(0, 0);
    exit_signal(0, __WCLONE);
    exit_signal(SIGUSR2, 0);
    exit_signal(SIGUSR2, __WCLONE);
    exit_signal(SIGUSR2, __WALL);
    concurrent();
    killed(SIGTERM);
    killed(SIGKILL);
    execs();
    clone3_table();
    clear_sighand();
    return 0;
}
