/* prctl(PR_SET_SYSCALL_USER_DISPATCH): SIGSYS instead of a system call, its siginfo, what passes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile char selector;
static volatile int hits, last_nr, code, arch, eax_is_nr, at_ip, got_errno;

static void on_sys(int sig, siginfo_t *i, void *ctx)
{
    ucontext_t *u = ctx;
    (void)sig;
    selector = 0;
    hits++, last_nr = i->si_syscall, code = i->si_code, arch = (int)i->si_arch, got_errno = i->si_errno;
    eax_is_nr = u->uc_mcontext.gregs[REG_EAX] == i->si_syscall;
    at_ip = (unsigned)i->si_call_addr == (unsigned)u->uc_mcontext.gregs[REG_EIP];
    u->uc_mcontext.gregs[REG_EAX] = 4321;
}

static int raw(int nr)
{
    int r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr) : "memory");
    return r;
}

static void show(const char *what, int r)
{
    printf("%s: %d, hits %d nr %d code %d arch %x eax %d ip %d errno %d\n", what, r, hits, last_nr, code, arch,
           eax_is_nr, at_ip, got_errno);
}

static void on(unsigned start, unsigned len)
{
    if (prctl(59, 1, start, len, &selector))
        printf("prctl %s\n", strerrorname_np(errno));
}

static void dies(const char *what, char state, volatile char *sel)
{
    fflush(stdout);
    int st, pid = fork();
    if (!pid) {
        selector = state;
        prctl(59, 1, 0, 0, sel);
        raw(SYS_getppid);
        raw(SYS_getppid);
        selector = 0;
        _exit(5);
    }
    waitpid(pid, &st, 0);
    printf("%s: status %x\n", what, st & 0xff7f);
}

int main(void)
{
    static const unsigned bad[][4] = {{0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {2, 0, 0, 0}, {1, 1, 0, 0},
                                      {1, 0x1000, 0xffffffff, 0}, {0xffffffff, 0, 0, 0}, {0, 0, 0, 0}};
    struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        printf("prctl %x %x %x %x: %d\n", bad[i][0], bad[i][1], bad[i][2], bad[i][3],
               prctl(59, bad[i][0], bad[i][1], bad[i][2], bad[i][3]) ? errno : 0);
    prctl(59, 0, 0, 0, 0);
    sigaction(SIGSYS, &sa, NULL);
    on(0, 0);
    int r = raw(SYS_getppid);
    show("allowed", r == getppid());
    selector = 1;
    r = raw(SYS_getppid);
    show("blocked", r);
    selector = 1;
    r = raw(9999);
    show("unknown number", r);
    selector = 1;
    r = (int)syscall(SYS_getppid); /* through the C library */
    show("libc", r);
    on(0x1000, 0xffff0000);
    selector = 1;
    r = raw(SYS_getppid) == getppid();
    selector = 0;
    show("in range", r);
    on(0, 0);
    selector = 1;
    int pid = (int)raw(SYS_fork);
    show("fork blocked", pid);
    pid = fork();
    if (!pid) {
        selector = 1;
        r = raw(SYS_getppid) > 0; /* a child starts without */
        selector = 0;
        _exit(r);
    }
    int st;
    waitpid(pid, &st, 0);
    show("child", WEXITSTATUS(st));
    sigset_t set;
    sigfillset(&set);
    printf("off %d\n", prctl(59, 0, 0, 0, 0));
    dies("bad selector value", 2, &selector);
    dies("bad selector address", 1, (char *)16);
    sigprocmask(SIG_BLOCK, &set, NULL);
    dies("SIGSYS blocked", 1, &selector);
    return 0;
}
