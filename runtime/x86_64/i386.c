/* What the kernel's own 32-bit entry does for i386 programs: int $0x80 works from 64-bit code where the kernel runs i386
 * programs. A child finds out, since elsewhere the instruction is a fault. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/thread.h"
#include "runtime/host.h"

enum { I386_GETPID = 20, I386_SET_ROBUST_LIST = 311, ROBUST_HEAD = 12 };

static long int80(long nr, long a, long b, long c, long d, long e)
{
    long r;
    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "r8", "r9", "r10", "r11", "memory", "cc");
    return (int)r;
}

static void no_int80(int sig)
{
    (void)sig;
    host_syscall(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

static int child(void *arg)
{
    (void)arg;
    host_sigaction(SIGSEGV, no_int80, 0, 0);
    host_syscall(SYS_exit_group, int80(I386_GETPID, 0, 0, 0, 0, 0) > 0 ? 0 : 1, 0, 0, 0, 0, 0);
    return 1;
}

/* The child shares memory, as a copy would be seen: it is one more user of the guest's SysV shared memory. No
 * signal comes at its end. */
static bool try_int80(void)
{
    static LARGE_BSS char stack[16 << 10];
    int status = -1;
    long pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK, NULL);
    while (pid > 0 && host_syscall(SYS_wait4, pid, (long)&status, __WALL, 0, 0, 0) == -EINTR)
        ;
    return pid > 0 && status == 0;
}

static bool int80_works(void)
{
    static int works = -1;
    if (works < 0)
        works = try_int80();
    return works;
}

long host_call32(uint32_t nr, const uint32_t a[5])
{
    return int80_works() ? int80(nr, a[0], a[1], a[2], a[3], a[4]) : NO_CALL32;
}

void host_robust_list32(gaddr head)
{
    if (int80_works())
        int80(I386_SET_ROBUST_LIST, head, ROBUST_HEAD, 0, 0, 0);
}
