/* host_syscall_blocking: the interruptible form of host_syscall, see runtime/<host>/syscall.S. */
#include "core/thread.h"
#include "runtime/host.h"

long host_syscall_blocking(long nr, long a, long b, long c, long d, long e, long f)
{
    return host_safe_syscall(&thread_self->cpu.pending, nr, a, b, c, d, e, f);
}
