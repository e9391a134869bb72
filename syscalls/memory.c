/* Memory: everything goes through core/mem, which owns the guest's map. */
#include <sys/mman.h>

#include "syscalls/priv.h"

static int64_t do_mmap(uint32_t addr, uint32_t len, uint32_t prot, uint32_t flags, int fd,
                       uint64_t off)
{
    if (!(flags & MAP_ANONYMOUS) && HC(SYS_fcntl, fd, 1 /* F_GETFD */, 0, 0, 0, 0) < 0)
        return -EBADF;
    return mem_map(addr, len, (int)prot, (int)flags, flags & MAP_ANONYMOUS ? -1 : fd,
                   flags & MAP_ANONYMOUS ? 0 : off);
}

SYSCALL(mmap) /* six words in memory, offset in bytes */
{
    uint32_t v[6];
    if (mem_read(v, c->a[0], sizeof v))
        return -EFAULT;
    if (v[5] & GUEST_PAGE_MASK)
        return -EINVAL;
    return do_mmap(v[0], v[1], v[2], v[3], (int)v[4], v[5]);
}
SYSCALL(mmap2)
{
    return do_mmap(c->a[0], c->a[1], c->a[2], c->a[3], (int)c->a[4], (uint64_t)c->a[5] << 12);
}
SYSCALL(munmap) { return mem_unmap(c->a[0], c->a[1]); }
SYSCALL(mprotect) { return mem_protect(c->a[0], c->a[1], (int)c->a[2]); }
SYSCALL(mremap) { return mem_remap(c->a[0], c->a[1], c->a[2], (int)c->a[3], c->a[4]); }
SYSCALL(brk) { return mem_brk(c->a[0]); }
SYSCALL(madvise) { return mem_advise(c->a[0], c->a[1], (int)c->a[2]); }

/* Locking all of the guest must not lock xrun: accepted for what the limit allows, page by page
 * the kernel's choice. MCL_FUTURE cannot be given to guest mappings only. */
SYSCALL(mlockall) { return c->a[0] & ~7u || !c->a[0] ? -EINVAL : -EPERM; }
SYSCALL(munlockall) { (void)c; return 0; }
