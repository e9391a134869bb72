/* Handlers, masks, alternate stack, siginfo, faults repaired in a handler, restart, timers. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last_code;
static sigjmp_buf jb;
static char *page;

static void simple(int sig) { count += sig; }

static void info_handler(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    last_code = i->si_code;
    printf("sig %d code %d errno %d value %d trapno %d\n", sig, i->si_code, i->si_errno,
           i->si_code == SI_QUEUE ? i->si_value.sival_int : 0,
           i->si_code > 0 ? (int)uc->uc_mcontext.gregs[REG_TRAPNO] : -1);
}

static void repair(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    printf("fault %d code %d at page+%ld err %x\n", sig, i->si_code, (long)((char *)i->si_addr - page),
           (unsigned)uc->uc_mcontext.gregs[REG_ERR]);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void jump(int sig) { siglongjmp(jb, sig); }

static void on_stack(int sig)
{
    char c;
    stack_t s;
    sigaltstack(NULL, &s);
    printf("on alternate stack %d, inside %d\n", s.ss_flags == SS_ONSTACK,
           &c > (char *)s.ss_sp && &c < (char *)s.ss_sp + s.ss_size);
    (void)sig;
}

static void skip_insn(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    printf("sig %d code %d trapno %d\n", sig, i->si_code, (int)uc->uc_mcontext.gregs[REG_TRAPNO]);
    uc->uc_mcontext.gregs[REG_EIP] += 2;
    uc->uc_mcontext.gregs[REG_EAX] = 1234;
}

int main(void)
{
    struct sigaction sa;
    sigset_t set, old;
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGUSR1, simple);
    raise(SIGUSR1);
    raise(SIGUSR1);
    printf("count %d\n", count);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    printf("blocked count %d\n", count);
    sigpending(&old);
    printf("pending %d\n", sigismember(&old, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    printf("unblocked count %d\n", count);

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = info_handler;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGRTMIN + 2, &sa, NULL);
    union sigval v = {.sival_int = 4711};
    sigqueue(getpid(), SIGRTMIN + 2, v);

    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sa.sa_sigaction = repair;
    sigaction(SIGSEGV, &sa, NULL);
    volatile char touch = page[5];
    (void)touch;
    page[10] = 7;
    printf("repaired %d\n", page[10]);

    signal(SIGSEGV, jump);
    int s = sigsetjmp(jb, 1);
    if (!s)
        *(volatile int *)16 = 0;
    printf("jumped out with %d\n", s);
    s = sigsetjmp(jb, 1);
    if (!s)
        *(volatile int *)16 = 0;
    printf("and again %d\n", s);

    static char alt[65536];
    stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
    sigaltstack(&st, NULL);
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_stack;
    sa.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR2, &sa, NULL);
    raise(SIGUSR2);

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = skip_insn;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGFPE, &sa, NULL);
    int r;
    __asm__ volatile("ud2" : "=a"(r) : "a"(0));
    printf("after ud2 %d\n", r);
    __asm__ volatile("xorl %%edx, %%edx; divl %%ecx" : "=a"(r) : "a"(9), "c"(0) : "edx");
    printf("after div %d\n", r);

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = simple;
    sigaction(SIGALRM, &sa, NULL);
    struct itimerval it = {{0, 0}, {0, 30000}}, again = {{0, 30000}, {0, 30000}}, off = {{0, 0}, {0, 0}};
    char b;
    int fd[2];
    pipe(fd);
    setitimer(ITIMER_REAL, &again, NULL); /* the first may come before the call */
    r = (int)read(fd[0], &b, 1);
    setitimer(ITIMER_REAL, &off, NULL);
    printf("read without SA_RESTART: %d %s\n", r, r < 0 ? strerror(errno) : "");
    sa.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    if (!fork()) {
        usleep(100000);
        write(fd[1], "x", 1);
        _exit(0);
    }
    r = (int)read(fd[0], &b, 1);
    printf("read with SA_RESTART: %d\n", r);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, &old);
    setitimer(ITIMER_REAL, &it, NULL);
    sigset_t empty;
    sigemptyset(&empty);
    r = sigsuspend(&empty);
    printf("sigsuspend %d %s\n", r, strerror(errno));
    setitimer(ITIMER_REAL, &it, NULL);
    siginfo_t info;
    printf("sigwaitinfo %d\n", sigwaitinfo(&set, &info));
    return 0;
}
