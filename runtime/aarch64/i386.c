/* AArch64 kernels have no i386 entry. */
#include <errno.h>

#include "runtime/host.h"

long host_call32(uint32_t nr, const uint32_t a[5])
{
    (void)nr, (void)a;
    return -ENOSYS;
}

void host_robust_list32(gaddr head)
{
    (void)head;
}
