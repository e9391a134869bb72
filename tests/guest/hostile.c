/* What only a hostile program does. Signals that look like faults and are none: a process sends them to itself with a
 * fault's siginfo; children tell their end by them, and the siginfo is a child's, read as that of a fault: the pid is
 * where the address is. Memory that another thread unmaps or overwrites during a call. Files' names with line
 * breaks. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
enum { SIGS = sizeof sigs / sizeof *sigs };

/* ---- siginfo as of a fault ---- */

static int got;

static void handler(int sig, siginfo_t *info, void *uc)
{
    (void)uc;
    printf(" signal %d code %d address %#lx", sig, info->si_code, (unsigned long)info->si_addr);
    got++;
}

static long send(int way, int sig, siginfo_t *info)
{
    int pid = getpid(), tid = (int)syscall(SYS_gettid);
    switch (way) {
    case 0: return syscall(SYS_rt_sigqueueinfo, pid, sig, info);
    case 1: return syscall(SYS_rt_sigqueueinfo, tid, sig, info);
    default: return syscall(SYS_rt_tgsigqueueinfo, pid, tid, sig, info);
    }
}

static void *signals(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    static const int codes[] = {1, 2, 0x80, 0xffff, 0x10000, 0x7fffffff};
    for (int way = 0; way < 3; way++)
        for (int s = 0; s < SIGS; s++)
            for (unsigned c = 0; c < sizeof codes / sizeof *codes; c++) {
                siginfo_t info;
                memset(&info, 0, sizeof info);
                info.si_signo = sigs[s];
                info.si_code = codes[c];
                info.si_addr = (void *)0x1234;
                printf("%s %d:", (const char *)arg, way);
                long r = send(way, sigs[s], &info);
                printf(" %ld\n", r);
            }
    return NULL;
}

/* ---- ends of children ---- */

static volatile int ended, code;
static volatile unsigned long address;

static void child_handler(int sig, siginfo_t *info, void *uc)
{
    (void)uc;
    ended = sig;
    code = info->si_code;
    address = (unsigned long)info->si_addr;
}

static int end(void *how)
{
    if (how)
        kill(getpid(), SIGKILL);
    return 3;
}

static void child(int sig, int flags, int killed)
{
    static char stack[2][65536];
    int status = 0;
    ended = 0;
    pid_t pid = clone(end, stack[0] + sizeof stack[0], flags | sig, killed ? (void *)1 : NULL);
    pid_t w;
    while ((w = waitpid(pid, &status, __WALL)) < 0)
        ;
    printf("signal %d flags %#x: %d code %d, its pid %d, status %#x\n", sig, flags, ended, code,
           address == (unsigned long)pid, w == pid ? status : -1);
}

/* ---- a directory read into memory that comes and goes ---- */

enum { SIZE = 32768, ROUNDS = 300 };
static char *buffer;
static volatile int stop;

static void *unmap(void *arg)
{
    while (!stop) {
        munmap(buffer, SIZE);
        mmap(buffer, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    return arg;
}

static void *overwrite(void *arg)
{
    while (!stop)
        memset(buffer, 0, 4096);
    return arg;
}

static void directories(void *(*enemy)(void *))
{
    pthread_t t;
    int fd = open("/dev", O_RDONLY | O_DIRECTORY);
    buffer = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stop = 0;
    pthread_create(&t, NULL, enemy, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        lseek(fd, 0, SEEK_SET);
        syscall(SYS_getdents64, fd, buffer, SIZE);
    }
    stop = 1;
    pthread_join(t, NULL);
    close(fd);
}

/* ---- a file whose name looks like a line of /proc/self/maps ---- */

static void line_break(void)
{
    char line[512];
    int fd = memfd_create("x\n00010000-00020000 rwxp 00000000 00:00 0 [y]\tz", 0);
    ftruncate(fd, 4096);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "memfd:x") || !strncmp(line, "00010000-00020000", 17))
            printf("%s", strchr(line, '/'));
    fclose(maps);
    close(fd);
}

static void install(void (*fn)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO};
    for (int s = 0; s < SIGS; s++)
        sigaction(sigs[s], &sa, NULL);
}

int main(void)
{
    pthread_t t;
    sigset_t all, old;
    setvbuf(stdout, NULL, _IONBF, 0);
    install(handler);
    signals("main");
    sigfillset(&all); /* what is for the process the other thread shall take */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_create(&t, NULL, signals, "other");
    pthread_join(t, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    printf("%d\n", got);
    line_break();
    install(child_handler);
    for (int s = 0; s < SIGS; s++) {
        child(sigs[s], 0, 0);
        child(sigs[s], 0, 1);
        child(sigs[s], CLONE_VM | CLONE_VFORK, 0);
    }
    if (fork() == 0) { /* a fault is one still */
        signal(SIGSEGV, SIG_DFL);
        *(int *volatile)16 = 1;
    }
    int status;
    wait(&status);
    printf("fault: %d\n", WTERMSIG(status));
    directories(unmap);
    directories(overwrite);
    return 0;
}
