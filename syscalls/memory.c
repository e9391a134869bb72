/* Memory: everything goes through core/mem, which owns the guest's map. */
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/hostmap.h"
#include "syscalls/priv.h"

/* The pages that PCM devices share state through, in longs (SNDRV_PCM_MMAP_OFFSET_*_OLD): 32-bit programs are refused
 * them, and ask by ioctl. */
static bool sound_status(int fd, uint64_t off)
{
    enum { SOUND_MAJOR = 116 };
    struct stat st;
    return (off == 0x80000000 || off == 0x81000000) && !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
           major(st.st_rdev) == SOUND_MAJOR;
}

static int64_t do_mmap(uint32_t addr, uint32_t len, uint32_t prot, uint32_t flags, int fd,
                       uint64_t off)
{
    if (!(flags & MAP_ANONYMOUS) && HC(SYS_fcntl, fd, 1 /* F_GETFD */, 0, 0, 0, 0) < 0)
        return -EBADF;
    /* sizes of huge pages: of the architecture's choice, 2 MiB, 1 GiB */
    uint32_t huge = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
    if ((flags & MAP_ANONYMOUS) && (flags & MAP_HUGETLB) && huge && huge != 21 && huge != 30)
        return -EINVAL;
    struct statfs fs;
    if (!(flags & MAP_ANONYMOUS) && (flags & MAP_HUGETLB) &&
        (fstatfs(fd, &fs) || fs.f_type != HUGETLBFS_MAGIC))
        return -EINVAL;
    if (!(flags & MAP_ANONYMOUS) && sound_status(fd, off))
        return -ENXIO;
    int64_t r = mem_map(addr, len, (int)prot, (int)flags, flags & MAP_ANONYMOUS ? -1 : fd,
                        flags & MAP_ANONYMOUS ? 0 : off);
    struct stat st; /* sockets and pipes are on file systems that nothing is executed from */
    if (r == -ENODEV && (prot & PROT_EXEC) && !fstat(fd, &st) &&
        (S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode)))
        return -EPERM;
    struct rlimit l; /* the limit of locked memory is looked at before the kind of mapping */
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (r == -EINVAL && (flags & MAP_LOCKED) && !(fixed && (addr & GUEST_PAGE_MASK)) &&
        !HC(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, &l, 0, 0) &&
        len > l.rlim_cur && !has_capability(14 /* CAP_IPC_LOCK */))
        return l.rlim_cur ? -EAGAIN : -EPERM;
    uint32_t type = flags & MAP_TYPE;
    if (r >= 0 && type != MAP_PRIVATE && type != MAP_DROPPABLE && (prot & PROT_WRITE))
        runtime_hooks.shares_memory(thread_self->proc);
    return r;
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
SYSCALL(mseal) { return c->a[2] ? -EINVAL : mem_seal(c->a[0], c->a[1]); }
SYSCALL(madvise) { return mem_advise(c->a[0], c->a[1], (int)c->a[2]); }

/* To the host the whole low 4 GiB is mapped, so these are told only of what the guest has mapped. */

/* How many bytes from the page of `addr` on are mapped, up to the end of the page of addr+len-1. */
static uint64_t mapped_prefix(uint32_t addr, uint64_t len)
{
    uint64_t a = addr;
    while (a < addr + len && a < MEM_TASK_SIZE && mem_page_flags((gaddr)a) & PAGE_MAPPED)
        a += GUEST_PAGE_SIZE;
    return a - addr;
}

/* The pages that a byte range touches. A 64-bit kernel adds without wrapping at 4 GiB. */
static uint64_t whole_pages(uint32_t *addr, uint64_t len)
{
    len = PAGE_UP(len + (*addr & GUEST_PAGE_MASK));
    *addr = PAGE_DOWN(*addr);
    return len;
}

/* mlock, mlock2, munlock: what lies before a hole is done, then the hole is the error. */
static int64_t lock_range(struct sysctx *c, long nr)
{
    uint32_t addr = c->a[0];
    uint64_t len = whole_pages(&addr, c->a[1]), n = mapped_prefix(addr, len);
    int64_t r = HC(nr, addr, n, c->a[2], 0, 0, 0);
    return r ? r : n < len ? -ENOMEM : 0;
}
SYSCALL(mlock) { return lock_range(c, SYS_mlock); }
SYSCALL(mlock2) { return lock_range(c, SYS_mlock2); }
SYSCALL(munlock) { return lock_range(c, SYS_munlock); }

SYSCALL(msync)
{
    uint64_t len = PAGE_UP((uint64_t)c->a[1]);
    uint32_t before = c->a[0] & GUEST_PAGE_MASK ? 0 : c->a[0] - host_down(c->a[0]);
    int64_t r = HC(SYS_msync, c->a[0] - before, (uint64_t)c->a[1] + before, s32(c->a[2]), 0, 0, 0);
    return r ? r : mapped_prefix(c->a[0], len) < len ? -ENOMEM : 0;
}

/* For hosts of larger pages: each of theirs answers for several of the guest's. */
static int64_t mincore_coarse(uint32_t addr, uint64_t n, uint32_t to)
{
    for (uint64_t a = addr; a < addr + n; a += GUEST_PAGE_SIZE) {
        uint8_t in_core[16]; /* the first counts; --host-page gets more */
        int64_t r = HC(SYS_mincore, host_down((gaddr)a), host_page, in_core, 0, 0, 0);
        if (r || mem_write(to + (uint32_t)((a - addr) >> GUEST_PAGE_SHIFT), in_core, 1))
            return r ? r : -EFAULT;
    }
    return 0;
}

SYSCALL(mincore)
{
    uint32_t addr = c->a[0];
    uint64_t len = PAGE_UP((uint64_t)c->a[1]), n = mapped_prefix(addr, len);
    if (addr & GUEST_PAGE_MASK)
        return -EINVAL;
    if (!n)
        return len ? -ENOMEM : 0;
    mem_prepare_write(c->a[2], (uint32_t)(n >> GUEST_PAGE_SHIFT));
    int64_t r = host_fine() ? HC(SYS_mincore, addr, n, c->a[2], 0, 0, 0) : mincore_coarse(addr, n, c->a[2]);
    return r ? r : n < len ? -ENOMEM : 0;
}

/* ---- mlockall: all of the guest, not xrun ---- */

enum { G_MCL_CURRENT = 1, G_MCL_FUTURE = 2, G_MCL_ONFAULT = 4 };

static uint64_t guest_size(void)
{
    struct mem_area m;
    uint64_t total = 0;
    for (gaddr a = 0; mem_find(a, &m); a = m.end)
        total += m.end - m.start;
    return total;
}

static void lock_areas(long nr, long flags)
{
    struct mem_area m;
    for (gaddr a = 0; mem_find(a, &m); a = m.end)
        HC(nr, m.start, m.end - m.start, flags, 0, 0, 0); /* as in the kernel, errors do not count */
}

SYSCALL(mlockall)
{
    uint32_t flags = c->a[0];
    struct rlimit l;
    if (!flags || (flags & ~7u) || flags == G_MCL_ONFAULT)
        return -EINVAL;
    int64_t r = HC(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, &l, 0, 0);
    bool capable = has_capability(14 /* CAP_IPC_LOCK */);
    if (r || (!l.rlim_cur && !capable))
        return r ? r : -EPERM;
    if ((flags & G_MCL_CURRENT) && guest_size() > l.rlim_cur && !capable)
        return -ENOMEM;
    mem_lock_future = flags & G_MCL_FUTURE ? getpid() : 0;
    if (flags & G_MCL_CURRENT)
        lock_areas(flags & G_MCL_ONFAULT ? SYS_mlock2 : SYS_mlock, 1 /* MLOCK_ONFAULT */);
    return 0;
}

SYSCALL(munlockall)
{
    (void)c;
    mem_lock_future = 0;
    lock_areas(SYS_munlock, 0);
    return 0;
}

/* ---- other processes' memory ---- */

/* Both vectors converted: an xrun guest's addresses are its host addresses. */
static int64_t process_vm(struct sysctx *c, long nr, bool to_local)
{
    struct iovec l[IOV_LIMIT], r[IOV_LIMIT];
    bool self = s32(c->a[0]) == getpid();
    return HC(nr, s32(c->a[0]), host_iovec(c->a[1], c->a[2], l, to_local), c->a[2],
              host_iovec(c->a[3], c->a[4], r, self && !to_local), c->a[4], c->a[5]);
}
SYSCALL(process_vm_readv) { return process_vm(c, SYS_process_vm_readv, true); }
SYSCALL(process_vm_writev) { return process_vm(c, SYS_process_vm_writev, false); }

/* Advice for this process, whose holes the host does not know. How many bytes were done, or the first error. */
static int64_t advise_vector(const struct iovec *v, uint32_t n, int advice)
{
    int64_t done = 0;
    for (uint32_t i = 0; i < n; i++) {
        int r = v[i].iov_len ? mem_advise((gaddr)(uintptr_t)v[i].iov_base, (uint32_t)v[i].iov_len, advice) : 0;
        if (r)
            return done ? done : r;
        done += (int64_t)v[i].iov_len;
    }
    return done;
}

static bool valid_vector(const struct iovec *v, uint32_t n)
{
    bool ok = v != BAD_PTR && n <= IOV_LIMIT;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = (int64_t)v[i].iov_len >= 0;
    return ok;
}

SYSCALL(process_madvise)
{
    struct iovec buf[IOV_LIMIT], *v = host_iovec(c->a[1], c->a[2], buf, true);
    bool own = valid_vector(v, c->a[2]) && pidfd_is_own(c->a[0]);
    int64_t r = HC(440 /* process_madvise */, s32(c->a[0]), v, own ? 0 : c->a[2], s32(c->a[3]), c->a[4], 0);
    return own && !r ? advise_vector(v, c->a[2], s32(c->a[3])) : r;
}

/* ---- what a processor without protection keys answers ---- */

SYSCALL(pkey_alloc) { (void)c; return -EINVAL; }
SYSCALL(pkey_free) { (void)c; return -EINVAL; }
SYSCALL(pkey_mprotect)
{
    if (s32(c->a[3]) == -1)
        return mem_protect(c->a[0], c->a[1], (int)c->a[2]);
    return c->a[0] & GUEST_PAGE_MASK || c->a[1] ? -EINVAL : 0;
}

SYSCALL(remap_file_pages)
{
    return mem_remap_pages(c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
}
