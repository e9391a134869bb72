/* Alternate stacks and handler flags: SS_AUTODISARM, EPERM, overflow, sizes, SA_NODEFER, SA_RESETHAND,
 * masks in handlers, and how a process ends when a signal cannot be delivered. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static char alt[65536], alt2[65536];
static int depth, raised;

static const char *where(void *p)
{
    char *c = p;
    return c >= alt && c < alt + sizeof alt ? "alt" : c >= alt2 && c < alt2 + sizeof alt2 ? "alt2" : "main";
}

static void show(const char *t)
{
    stack_t s;
    sigaltstack(NULL, &s);
    printf("%s: sp %s flags %x size %x\n", t, s.ss_sp ? where(s.ss_sp) : "0", (unsigned)s.ss_flags,
           (unsigned)s.ss_size);
}

static int set(void *sp, unsigned flags, size_t size)
{
    stack_t s = {.ss_sp = sp, .ss_flags = flags, .ss_size = size};
    int r = sigaltstack(&s, NULL);
    return r ? errno : 0;
}

static void handler(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    char c;
    sigset_t m;
    sigprocmask(SIG_SETMASK, NULL, &m);
    printf(" handler %d on %s, uc_stack %s %x, blocked usr1 %d usr2 %d, depth %d\n", sig, where(&c),
           uc->uc_stack.ss_sp ? where(uc->uc_stack.ss_sp) : "0", (unsigned)uc->uc_stack.ss_flags,
           sigismember(&m, SIGUSR1), sigismember(&m, SIGUSR2), depth);
    show(" in handler");
    printf(" set in handler: %d\n", set(alt2, 0, sizeof alt2));
    depth++;
    if (raised++ < 1)
        raise(sig);
    depth--;
}

static void act(int sig, int flags, int also)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    if (also)
        sigaddset(&sa.sa_mask, also);
    sigaction(sig, &sa, NULL);
}

static void run(const char *t, int sig)
{
    printf("-- %s\n", t);
    raised = 0;
    raise(sig);
    show("after");
}

static sigjmp_buf jb;
static void jump(int sig, siginfo_t *i, void *u)
{
    char c;
    printf("SIGSEGV code %d on %s\n", i->si_code, where(&c));
    siglongjmp(jb, 1);
}

static int recurse(int n)
{
    volatile char b[4096];
    b[0] = n;
    return recurse(n + 1) + b[0];
}

static void on_small(int sig)
{
    char c;
    printf("handler on %s\n", where(&c));
}

/* How a child ends. */
static void ends(const char *t, void (*f)(void))
{
    int st;
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        set(NULL, SS_DISABLE, 0);
        signal(SIGSEGV, SIG_DFL);
        alarm(300);
        f();
        _exit(77);
    }
    waitpid(p, &st, 0);
    printf("%s: %s %d\n", t, WIFSIGNALED(st) ? "signal" : "exit", WIFSIGNALED(st) ? WTERMSIG(st) : WEXITSTATUS(st));
}

static void fault(void) { *(volatile int *)16 = 0; }
static void block(int sig)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, sig);
    sigprocmask(SIG_BLOCK, &s, NULL);
}
static void exit_handler(int sig) { _exit(50 + sig); }
static void e_blocked(void) { signal(SIGSEGV, exit_handler); block(SIGSEGV); fault(); }
static void e_ignored(void) { signal(SIGSEGV, SIG_IGN); fault(); }
static void e_handled(void) { signal(SIGSEGV, exit_handler); fault(); }
static void e_blocked_kill(void) { signal(SIGSEGV, exit_handler); block(SIGSEGV); raise(SIGSEGV); _exit(1); }
static void e_ignored_kill(void) { signal(SIGSEGV, SIG_IGN); raise(SIGSEGV); _exit(2); }
static void e_in_handler(int sig) { fault(); }
static void e_twice(void) { signal(SIGSEGV, e_in_handler); fault(); }
static void e_bad_stack(void)
{
    signal(SIGUSR1, exit_handler);
    __asm__ volatile("mov $37,%%eax; mov $20,%%eax; int $0x80; mov %%eax,%%ebx; mov $10,%%ecx; mov $37,%%eax; mov $0x100,%%esp; int $0x80" ::: "eax", "ebx", "ecx");
}
static void e_bad_stack_alt(void)
{
    struct sigaction sa = {.sa_handler = exit_handler, .sa_flags = SA_ONSTACK};
    set(alt, 0, sizeof alt);
    sigaction(SIGSEGV, &sa, NULL);
    e_bad_stack();
}
static void e_bad_handler(void) { signal(SIGUSR1, (void (*)(int))0x40); signal(SIGSEGV, exit_handler); raise(SIGUSR1); }
static void e_fpe_ignored(void) { signal(SIGFPE, SIG_IGN); __asm__ volatile("xor %%ecx,%%ecx; div %%ecx" ::: "eax", "ecx", "edx"); }
static void e_trap(void) { __asm__ volatile("int3"); }
static void e_ill(void) { __asm__ volatile("ud2"); }
static void e_abort_ign(void) { signal(SIGABRT, SIG_IGN); abort(); }
static void e_term(void) { raise(SIGTERM); }
static void e_rt(void) { raise(SIGRTMIN + 5); }
static void e_vtalrm(void) { raise(SIGVTALRM); }
static void e_chld(void) { raise(SIGCHLD); raise(SIGURG); raise(SIGWINCH); raise(SIGCONT); _exit(3); }
static void e_quit_blocked(void) { block(SIGQUIT); raise(SIGQUIT); sigset_t s; sigemptyset(&s); sigprocmask(SIG_SETMASK, &s, NULL); }
static void e_overflow(void)
{
    struct sigaction sa = {.sa_handler = exit_handler};
    sigaction(SIGSEGV, &sa, NULL);
    recurse(0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    show("start");
    printf("too small %d, bad flags %d, null %d\n", set(alt, 0, 2047), set(alt, 4, sizeof alt),
           set(NULL, 0, sizeof alt));
    printf("disable %d\n", set(alt, SS_DISABLE, 0));
    show("disabled");
    printf("disable with size %d\n", set(alt, SS_DISABLE, sizeof alt));
    show("disabled");
    printf("disable autodisarm %d\n", set(alt, SS_DISABLE | SS_AUTODISARM, sizeof alt));
    show("disabled");
    printf("onstack flag %d\n", set(alt, SS_ONSTACK, sizeof alt));
    show("onstack");

    set(alt, 0, sizeof alt);
    act(SIGUSR1, SA_ONSTACK, 0);
    run("on stack", SIGUSR1);
    act(SIGUSR1, SA_ONSTACK | SA_NODEFER, 0);
    run("on stack, nodefer", SIGUSR1);
    act(SIGUSR1, SA_ONSTACK | SA_NODEFER, SIGUSR1);
    run("nodefer, but in the mask", SIGUSR1);
    act(SIGUSR1, 0, SIGUSR2);
    run("not on stack, mask", SIGUSR1);
    set(alt, SS_AUTODISARM, sizeof alt);
    show("autodisarm");
    act(SIGUSR1, SA_ONSTACK | SA_NODEFER, 0);
    run("autodisarm", SIGUSR1);
    set(alt, 0, sizeof alt);
    act(SIGUSR1, SA_ONSTACK | SA_RESETHAND, 0);
    raised = 5;
    raise(SIGUSR1);
    struct sigaction old;
    sigaction(SIGUSR1, NULL, &old);
    printf("reset to %d flags %x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~0x04000000);

    struct sigaction sa = {.sa_sigaction = jump, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &sa, NULL);
    printf("-- stack overflow, handler on the alternate stack\n");
    if (!sigsetjmp(jb, 1))
        recurse(0);
    printf("-- and again\n");
    if (!sigsetjmp(jb, 1))
        recurse(0);

    ends("fault, blocked", e_blocked);
    ends("fault, ignored", e_ignored);
    ends("fault, handled", e_handled);
    ends("sent, blocked", e_blocked_kill);
    ends("sent, ignored", e_ignored_kill);
    ends("fault in the handler of the fault", e_twice);
    ends("no stack for the frame", e_bad_stack);
    ends("no stack for the frame, SIGSEGV on the alternate stack", e_bad_stack_alt);
    ends("handler unmapped", e_bad_handler);
    ends("divide, ignored", e_fpe_ignored);
    ends("int3", e_trap);
    ends("ud2", e_ill);
    ends("abort, ignored", e_abort_ign);
    ends("SIGTERM", e_term);
    ends("real-time", e_rt);
    ends("SIGVTALRM", e_vtalrm);
    ends("ignored by default", e_chld);
    ends("SIGQUIT blocked, unblocked", e_quit_blocked);
    ends("stack overflow, no alternate stack", e_overflow);
    return 0;
}
