/* host_syscall_blocking: the interruptible form of host_syscall, see runtime/<host>/syscall.S. */
#include <errno.h>

#include "core/thread.h"
#include "runtime/host.h"
#include "runtime/runtime.h"

long host_syscall_blocking(long nr, long a, long b, long c, long d, long e, long f)
{
    struct thread *t = thread_self;
    if (signal_sync_pending(t) & ~t->sigmask) { /* let in by the mask of sigsuspend, ppoll, ... */
        t->cpu.pending = 1;
        return -EINTR;
    }
    rt(t)->call_made = 0;
    long r = host_safe_syscall(&t->cpu.pending, nr, a, b, c, d, e, f);
    return r == -SAFE_RESTART && rt(t)->call_made ? -SAFE_AGAIN : r;
}
