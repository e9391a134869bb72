/* AArch64 kernels have no i386 entry. */
#include <errno.h>

#include "runtime/host.h"

long host_ioctl32(int fd, uint32_t req, uint32_t arg)
{
    (void)fd, (void)req, (void)arg;
    return -ENOSYS;
}

void host_robust_list32(gaddr head)
{
    (void)head;
}
