/* AArch64 kernels have no i386 entry. */
#include "core/thread.h"
#include "runtime/host.h"

long host_call32(uint32_t nr, const uint32_t a[5])
{
    (void)nr, (void)a;
    return NO_CALL32;
}

void host_robust_list32(gaddr head)
{
    (void)head;
}
