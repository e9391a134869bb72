/* host_syscall_blocking: the interruptible form of host_syscall, see runtime/<host>/syscall.S. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/thread.h"
#include "runtime/host.h"
#include "runtime/runtime.h"

/* Is it a call that no signal interrupts, since it reads or writes a file? Where nothing tells whether the call was made
 * (host_call_restarting) it was not, then. */
static bool waits_for_disk(long nr, long fd)
{
    struct stat st;
    switch (nr) {
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_preadv:
    case SYS_pwritev:
    case SYS_preadv2:
    case SYS_pwritev2: return !fstat((int)fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
    default: return false;
    }
}

long host_syscall_blocking(long nr, long a, long b, long c, long d, long e, long f)
{
    struct thread *t = thread_self;
    if (signal_sync_pending(t) & ~t->sigmask) { /* let in by the mask of sigsuspend, ppoll, ... */
        t->cpu.pending = 1;
        return -EINTR;
    }
    rt(t)->call_made = 0;
    long r = host_safe_syscall(&t->cpu.pending, nr, a, b, c, d, e, f);
    return r == -SAFE_RESTART && rt(t)->call_made && !waits_for_disk(nr, a) ? -SAFE_AGAIN : r;
}
