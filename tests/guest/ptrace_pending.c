/* What a tracer may ask of a stopped process beyond its registers: pending signals, of the thread and
 * the process, system call user dispatch; and the file of its mappings, read again and again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct peek { uint64_t off; uint32_t flags; int32_t nr; };
static pid_t child;

static long ask(int request, long addr, void *data)
{
    errno = 0;
    return syscall(SYS_ptrace, request, child, addr, data);
}

static void peek(const char *what, uint64_t off, uint32_t flags, int nr)
{
    static siginfo_t list[64];
    struct peek p = {off, flags, nr};
    long n = ask(0x4209, (long)&p, list);
    printf("%s: %ld %s", what, n, n < 0 ? strerror(errno) : "");
    for (long i = 0; i < n; i++)
        printf(" %d=%d/%d", list[i].si_signo, list[i].si_code, list[i].si_code == SI_QUEUE ? list[i].si_value.sival_int : 0);
    puts("");
}

static void traced(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGUSR1); /* to the thread */
    for (int i = 0; i < 40; i++) {
        siginfo_t s = {.si_signo = SIGRTMIN + i / 8, .si_code = SI_QUEUE};
        s.si_value.sival_int = i;
        if (i & 1)
            syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), s.si_signo, &s);
        else
            syscall(SYS_rt_sigqueueinfo, getpid(), s.si_signo, &s);
    }
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGUSR2);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    kill(getpid(), SIGUSR2); /* stops here */
    siginfo_t s;
    int n = 0, last = -1;
    while (sigtimedwait(&all, &s, &(struct timespec){0, 0}) > 0)
        n++, last = s.si_signo;
    printf("taken %d, last %d\n", n, last == SIGRTMIN + 4);
    syscall(399 + 0x10000);
    fflush(stdout);
    _exit(0);
}

static void maps_again(void)
{
    char text[65536], want[32];
    char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/proc/self/maps", O_RDONLY);
    for (int i = 0; i < 3; i++) {
        mprotect(p + 4096, 4096, i == 1 ? PROT_NONE : PROT_READ); /* a mapping of its own or not */
        lseek(fd, 0, SEEK_SET);
        ssize_t n = 0, k;
        while ((k = i < 2 ? read(fd, text + n, sizeof text - 1 - n) : pread(fd, text + n, sizeof text - 1 - n, n)) > 0)
            n += k;
        text[n] = 0;
        sprintf(want, "\n%08lx-%08lx ---p", (unsigned long)p + 4096, (unsigned long)p + 8192);
        printf("maps: %d\n", strstr(text, want) != NULL);
    }
}

int main(void)
{
    maps_again();
    fflush(stdout);
    child = fork();
    if (child == 0)
        traced();
    int status;
    waitpid(child, &status, 0);
    printf("stopped by %d\n", WSTOPSIG(status));
    peek("thread", 0, 0, 64);
    peek("process", 0, 1, 64);
    peek("some", 3, 0, 5);
    peek("none", 300, 1, 5);
    peek("far", UINT64_MAX, 1, 5);
    peek("flags", 0, 2, 5);
    peek("negative", 0, 0, -1);
    uint64_t d[4] = {9, 9, 9, 9};
    printf("size: %ld %s\n", ask(0x4211, 16, d), strerror(errno));
    printf("dispatch: %ld", ask(0x4211, 32, d));
    printf(" %llu %llx %llx %llx\n", d[0], d[1], d[2], d[3]);
    memcpy(d, (uint64_t[4]){PR_SYS_DISPATCH_OFF, 1, 0, 0}, sizeof d);
    printf("set: %ld %s\n", ask(0x4210, 32, d), strerror(errno));
    memcpy(d, (uint64_t[4]){PR_SYS_DISPATCH_ON, 0, 0x1000, 0xffffe000}, sizeof d);
    printf("set: %ld\n", ask(0x4210, 32, d));
    memset(d, 0, sizeof d);
    printf("dispatch: %ld", ask(0x4211, 32, d));
    printf(" %llu %llx %llx %llx\n", d[0], d[1], d[2], d[3]);
    fflush(stdout);
    ask(PTRACE_DETACH, 0, 0);
    waitpid(child, &status, 0);
    printf("status %x\n", status);
    return 0;
}
