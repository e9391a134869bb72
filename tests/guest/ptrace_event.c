/* ptrace: children, threads and new programs of a tracee; its end; attaching to and leaving others. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "state.h"

static int st, names[32], nnames;

/* Ids as letters, in the order in which they are met. */
static char name(int id)
{
    if (id <= 0)
        return '-';
    for (int i = 0; i < nnames; i++)
        if (names[i] == id)
            return 'A' + i;
    names[nnames++] = id;
    return 'A' + nnames - 1;
}

static int pt(int request, int pid, void *addr, void *data)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(SYS_ptrace), "b"(request), "c"(pid), "d"(addr), "S"(data) : "memory");
    return r;
}

static void show(const char *what, int pid)
{
    struct user_regs_struct r;
    siginfo_t si;
    unsigned long msg = 0;
    memset(&si, 0, sizeof si);
    printf("%s %c: ", what, name(pid));
    if (!WIFSTOPPED(st)) {
        printf("end %x\n", st & ~0x80);
        return;
    }
    int e = pt(PTRACE_GETSIGINFO, pid, 0, &si);
    pt(PTRACE_GETREGS, pid, 0, &r);
    int event = st >> 16;
    if (event)
        pt(PTRACE_GETEVENTMSG, pid, 0, &msg);
    printf("stop %x orig %ld eax %s info %d: %d %x", st, r.orig_eax,
           r.eax == -38 ? "none" : r.eax <= -512 && r.eax >= -516 ? "restart" : r.eax == 0 ? "0" : "a value", e, si.si_signo, si.si_code);
    if (event == PTRACE_EVENT_EXIT || event == PTRACE_EVENT_SECCOMP)
        printf(" message %lx", msg);
    else if (event && event != PTRACE_EVENT_STOP)
        printf(" message %c", name(msg));
    printf("\n");
}

static int wait_for(int pid, const char *what)
{
    int r = waitpid(pid, &st, __WALL);
    if (r < 0)
        printf("%s: wait %d\n", what, errno);
    else
        show(what, r);
    return r;
}

static int start(void (*fn)(void), int options)
{
    fflush(stdout);
    nnames = 0;
    int pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        sigset_t chld;
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        sigprocmask(SIG_BLOCK, &chld, NULL);
        raise(SIGSTOP);
        fn();
        _exit(7);
    }
    wait_for(pid, "started");
    int r = pt(PTRACE_SETOPTIONS, pid, 0, (void *)(long)options);
    if (r)
        printf("options %d\n", r);
    return pid;
}

/* Lets everything run to its end; each in turn, so that the order is known. */
static void run_all(int pid)
{
    for (;;) {
        int sig = 0;
        if (WIFSTOPPED(st) && !(st >> 16) && WSTOPSIG(st) != SIGTRAP && WSTOPSIG(st) != SIGSTOP)
            sig = WSTOPSIG(st);
        pt(PTRACE_CONT, pid, 0, (void *)(long)sig);
        pid = wait_for(-1, "next");
        if (pid < 0)
            break;
    }
}

static void forks(void)
{
    int s, pid = fork();
    if (!pid)
        _exit(3);
    waitpid(pid, &s, 0);
    _exit(s == 0x300 ? 5 : 6);
}
static void forks_slowly(void)
{
    int s, pid = fork();
    if (!pid) {
        usleep(100000);
        _exit(3);
    }
    waitpid(pid, &s, 0);
    _exit(s == 0x300 ? 5 : 6);
}
static void vforks(void)
{
    int s, pid = vfork();
    if (!pid)
        _exit(3);
    waitpid(pid, &s, 0);
    _exit(s == 0x300 ? 5 : 6);
}
static void executes(void)
{
    execl("/proc/self/exe", "ptrace_event", "child", NULL);
    _exit(9);
}
static void executes_badly(void)
{
    execl("/nonexistent", "x", NULL);
    executes();
}
static void vfork_executes(void)
{
    int s, pid = vfork();
    if (!pid) {
        execl("/proc/self/exe", "ptrace_event", "child", NULL);
        _exit(9);
    }
    waitpid(pid, &s, 0);
    _exit(s >> 8);
}

/* Parent first, then child, each to its end. */
static void follow(void (*body)(void), int options, const char *title)
{
    printf("---- %s\n", title);
    int child, r, pid = start(body, options);
    unsigned long msg = 0;
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "parent");
    if (st >> 16) {
        pt(PTRACE_GETEVENTMSG, pid, 0, &msg);
        child = msg;
        if (wait_for(child, "child") < 0) {
            run_all(pid);
            return;
        }
        pt(PTRACE_CONT, child, 0, 0);
        wait_for(child, "child");
        while (WIFSTOPPED(st)) {
            pt(PTRACE_CONT, child, 0, 0);
            wait_for(child, "child");
        }
        do {
            pt(PTRACE_CONT, pid, 0, (void *)(WIFSTOPPED(st) && !(st >> 16) && WSTOPSIG(st) != SIGTRAP ? (long)WSTOPSIG(st) : 0));
            wait_for(pid, "parent");
        } while (WIFSTOPPED(st));
    } else {
        run_all(pid);
    }
    printf("nothing left: %d %d\n", waitpid(-1, &st, __WALL), errno);
}

static void exits(int options, void (*body)(void), const char *title)
{
    printf("---- %s\n", title);
    int pid = start(body, options);
    run_all(pid);
}

static void dies(void) { raise(SIGTERM); }
static void ends(void) { _exit(42); }

/* ---- calls and steps over execve ---- */

static void calls_over_exec(void)
{
    printf("---- system calls over execve\n");
    int pid = start(executes, PTRACE_O_TRACESYSGOOD);
    for (int i = 0; i < 5; i++) {
        pt(PTRACE_SYSCALL, pid, 0, 0);
        wait_for(pid, "call");
    }
    pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_EXITKILL);
    kill(pid, SIGKILL);
    wait_for(pid, "killed");
    pid = start(executes, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC);
    for (int i = 0; i < 4; i++) {
        pt(PTRACE_SYSCALL, pid, 0, 0);
        wait_for(pid, "call");
    }
    pt(PTRACE_DETACH, pid, 0, 0);
    wait_for(pid, "detached");
}

/* ---- threads ---- */

static volatile int go, there;
static void *thread(void *arg)
{
    there = 1;
    while (!go)
        usleep(700000);
    return NULL;
}
static void threads(void)
{
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    while (!there)
        usleep(1000);
    raise(SIGUSR1);
    go = 1;
    pthread_join(t, NULL);
    raise(SIGUSR2);
    _exit(8);
}

static void follow_threads(void)
{
    printf("---- threads\n");
    unsigned long tid = 0;
    int pid = start(threads, PTRACE_O_TRACECLONE);
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "first");
    pt(PTRACE_GETEVENTMSG, pid, 0, &tid);
    wait_for(tid, "second");
    pt(PTRACE_CONT, pid, 0, 0);
    pt(PTRACE_CONT, tid, 0, 0);
    wait_for(pid, "first, usr1");
    printf("second runs: %d %d\n", pt(PTRACE_CONT, tid, 0, 0), waitpid(tid, &st, WNOHANG | __WALL));
    wait_state(pid, tid, "S"); /* has begun to sleep a moment ago, or some */
    syscall(SYS_tgkill, pid, tid, SIGSTOP);
    wait_for(tid, "second, stopped");
    pt(PTRACE_CONT, tid, 0, 0);
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(tid, "second");
    wait_for(pid, "first, usr2");
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "first");
}

/* ---- attaching ---- */

static volatile int *shared;
static int spinner(void)
{
    fflush(stdout);
    nnames = 0;
    *shared = 0;
    int pid = fork();
    if (!pid) {
        for (;;)
            ++*shared;
    }
    while (!*shared)
        usleep(1000);
    return pid;
}
static int runs(bool expected)
{
    int before = *shared;
    for (int i = 0; i < (expected ? 6000 : 30) && *shared == before; i++)
        usleep(10000);
    return *shared != before;
}

static int sleeper(void)
{
    fflush(stdout);
    nnames = 0;
    int p[2];
    pipe(p);
    int pid = fork();
    if (!pid) {
        char c;
        write(p[1], "x", 1);
        for (;;)
            read(p[0], &c, 1);
    }
    wait_state(pid, pid, "S");
    close(p[0]);
    close(p[1]);
    return pid;
}

static void attach(int (*make)(void), const char *title)
{
    printf("---- attach to %s\n", title);
    int pid = make(), spins = make == spinner;
    printf("attach %d\n", pt(PTRACE_ATTACH, pid, 0, 0));
    wait_for(pid, "attached");
    printf("again %d, runs %d\n", pt(PTRACE_ATTACH, pid, 0, 0), spins ? runs(false) : 0);
    pt(PTRACE_CONT, pid, 0, 0);
    printf("runs %d, wait %d\n", spins ? runs(true) : 1, waitpid(pid, &st, WNOHANG));
    kill(pid, SIGSTOP);
    wait_for(pid, "stopped");
    pt(PTRACE_CONT, pid, 0, (void *)SIGSTOP);
    wait_for(pid, "group stop");
    pt(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGUSR1);
    wait_for(pid, "usr1");
    printf("detach %d", pt(PTRACE_DETACH, pid, 0, 0));
    printf(", runs %d, cont %d\n", spins ? runs(false) : 1, pt(PTRACE_CONT, pid, 0, 0));
    printf("attach %d\n", pt(PTRACE_ATTACH, pid, 0, 0));
    wait_for(pid, "attached");
    kill(pid, SIGTERM);
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "term");
    pt(PTRACE_CONT, pid, 0, (void *)SIGTERM);
    wait_for(pid, "end");
}

static void seize(int (*make)(void), const char *title)
{
    printf("---- seize %s\n", title);
    int pid = make(), spins = make == spinner;
    printf("bad %d %d", pt(PTRACE_SEIZE, pid, (void *)1, 0), pt(PTRACE_SEIZE, pid, 0, (void *)0x1000));
    printf(" seize %d", pt(PTRACE_SEIZE, pid, 0, (void *)PTRACE_O_TRACESYSGOOD));
    printf(" runs %d wait %d\n", spins ? runs(true) : 1, waitpid(pid, &st, WNOHANG));
    printf("interrupt %d\n", pt(PTRACE_INTERRUPT, pid, 0, 0));
    wait_for(pid, "interrupted");
    printf("listen %d\n", pt(PTRACE_LISTEN, pid, 0, 0));
    printf("peek %d\n", pt(PTRACE_GETSIGINFO, pid, 0, &st));
    pt(PTRACE_INTERRUPT, pid, 0, 0);
    wait_for(pid, "interrupted");
    kill(pid, SIGSTOP);
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "stop signal");
    printf("listen %d\n", pt(PTRACE_LISTEN, pid, 0, 0));
    pt(PTRACE_CONT, pid, 0, (void *)SIGSTOP);
    wait_for(pid, "group stop");
    printf("listen %d runs %d\n", pt(PTRACE_LISTEN, pid, 0, 0), spins ? runs(false) : 0);
    kill(pid, SIGCONT);
    wait_for(pid, "continued");
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "cont signal");
    pt(PTRACE_CONT, pid, 0, (void *)SIGCONT);
    kill(pid, SIGKILL);
    wait_for(pid, "killed");
}

/* Not a child of the tracer. */
static void grandchild(void)
{
    printf("---- attach to a grandchild\n");
    int p[2], q[2], pid;
    fflush(stdout);
    nnames = 0;
    pipe(p);
    pipe(q);
    int middle = fork();
    if (!middle) {
        pid = fork();
        if (!pid) {
            char c;
            read(q[0], &c, 1);
            _exit(17);
        }
        write(p[1], &pid, sizeof pid);
        waitpid(pid, &st, 0);
        _exit(st >> 8);
    }
    read(p[0], &pid, sizeof pid);
    wait_state(pid, pid, "S"); /* it reads */
    printf("attach %d\n", pt(PTRACE_ATTACH, pid, 0, 0));
    wait_for(pid, "attached");
    pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACEEXIT);
    pt(PTRACE_CONT, pid, 0, 0);
    write(q[1], "x", 1);
    wait_for(pid, "exit");
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    wait_for(middle, "its parent");
}

/* A tracer that ends lets go, or kills. */
static void tracer_ends(int options)
{
    printf("---- a tracer that ends, options %x\n", options);
    int pid = spinner();
    int tracer = fork();
    if (!tracer) {
        ptrace(PTRACE_SEIZE, pid, 0, (void *)(long)options);
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(pid, &st, __WALL);
        _exit(0);
    }
    waitpid(tracer, &st, 0);
    printf("runs %d\n", runs(!(options & PTRACE_O_EXITKILL)));
    kill(pid, SIGTERM);
    waitpid(pid, &st, 0);
    printf("end %x\n", st);
}

/* ---- seccomp ---- */

static void filtered(void)
{
    struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 0x77),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getuid32, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 9),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {6, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, 2, &p);
    int a = syscall(SYS_getppid), b = syscall(SYS_getppid), c = syscall(SYS_getppid), d = syscall(SYS_getppid);
    _exit((a == getppid()) | (b == 55) << 1 | (c == getpid()) << 2 | (d == -1 && errno == 9) << 3);
}

static void seccomp(void)
{
    printf("---- seccomp\n");
    struct __ptrace_syscall_info si;
    int pid = start(filtered, PTRACE_O_TRACESECCOMP);
    static const int to[] = {SYS_getppid, -1, SYS_getpid, SYS_getuid32};
    for (int i = 0; i < 4; i++) {
        pt(PTRACE_CONT, pid, 0, 0);
        wait_for(pid, "call");
        memset(&si, 0, sizeof si);
        int n = pt(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof si, &si);
        printf("info %d op %d nr %lld data %x\n", n, si.op, si.seccomp.nr, si.seccomp.ret_data);
        pt(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, orig_eax), (void *)(long)to[i]);
        if (to[i] < 0)
            pt(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, eax), (void *)55);
    }
    pt(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "getppid");
    run_all(pid);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 33;
    setbuf(stdout, NULL);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int all = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE;
    follow(forks, all, "fork");
    follow(forks_slowly, 0, "fork, not followed");
    follow(vforks, all, "vfork");
    follow(vforks, PTRACE_O_TRACEVFORKDONE, "vfork, its end");
    follow(vfork_executes, all | PTRACE_O_TRACEEXEC, "vfork and execve");
    exits(0, executes, "execve");
    exits(PTRACE_O_TRACEEXEC, executes, "execve, event");
    exits(PTRACE_O_TRACEEXEC, executes_badly, "execve that fails first");
    exits(PTRACE_O_TRACEEXIT, ends, "exit");
    exits(PTRACE_O_TRACEEXIT, dies, "death");
    calls_over_exec();
    follow_threads();
    attach(spinner, "one that runs");
    attach(sleeper, "one that sleeps");
    seize(spinner, "one that runs");
    seize(sleeper, "one that sleeps");
    grandchild();
    tracer_ends(0);
    tracer_ends(PTRACE_O_EXITKILL);
    seccomp();
    return 0;
}
