/* The guest address space: an interval map in step with what the host kernel has mapped.
 * Areas are kept sorted in one array; a page-indexed byte array answers the frequent questions
 * without the lock. Rules follow Linux mm/mmap.c, mm/mremap.c and mm/mprotect.c. */
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/hostmap.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/path.h"
#include "core/thread.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

enum { MAP_32BIT_GUEST = 0x40 }; /* x86 only; means nothing below 4 GiB */
enum { STACK_GUARD_GAP = 256 * 4096 };

#define GUEST_END (UINT64_C(1) << 32)
#define GUARD_SIZE (UINT64_C(0x80010000)) /* the longest access from below 4 GiB ends in here */

struct area {
    gaddr start, end;
    uint64_t off, dev, ino;
    uint8_t prot, kind;
    bool shared, growsdown;
    bool sealed;        /* mseal(2): only the map knows */
    bool droppable;     /* MAP_DROPPABLE */
    bool writable_file; /* private, of a file that was open for writing */
    bool noexec;        /* of a file where the mount forbids to execute */
    char *name; /* owned; NULL: none */
};

LARGE_BSS uint8_t mem_page[1u << 20];
bool mem_read_implies_exec;
gaddr mem_task_size = MEM_TASK_SIZE;
int mem_lock_future;
uint32_t mem_mdwe;

static struct lock mem_lock;
static struct area *areas; /* sorted, disjoint; under mem_lock */
static size_t narea, cap_area;
static uint64_t total_pages;
static gaddr min_addr = 65536; /* where the reservation starts: lower addresses are the host's to refuse */
/* Below this the kernel places nothing by itself: CONFIG_LSM_MMAP_MIN_ADDR of usual kernels. */
enum { PLACE_MIN = 65536 };
static gaddr brk_start, brk_cur;
static void (*code_hook)(gaddr start, gaddr end);

static void *hostp(uint64_t a) { return (void *)(uintptr_t)a; }

static uint8_t page_bits(int prot, bool foreign)
{
    uint8_t f = PAGE_MAPPED;
    if (prot & PROT_READ)
        f |= PAGE_R;
    if (prot & PROT_WRITE)
        f |= PAGE_W;
    if (prot & PROT_EXEC)
        f |= PAGE_X;
    return foreign ? f | PAGE_FOREIGN : f;
}

static uint8_t area_bits(const struct area *a, int prot)
{
    return page_bits(prot, a->shared || a->writable_file);
}

static void set_pages(gaddr start, gaddr end, uint8_t v)
{
    memset(&mem_page[start >> GUEST_PAGE_SHIFT], v, (end - start) >> GUEST_PAGE_SHIFT);
}

/* ---- changes that may be cut short ---- */

/* What the map was before the change under way, while other processes share it: the one that makes the
 * change can be killed at any moment. */
static struct {
    struct area *area;
    size_t n, cap;
    uint64_t total_pages;
    gaddr brk;
    bool valid;
} before;
static char **dropped; /* names that are still needed then */
static size_t ndropped, cap_dropped;
int mem_company;

/* Comes before anything in the map is changed. */
static void change(void)
{
    if (likely(!mem_company) || before.valid)
        return;
    if (before.cap < narea) {
        before.cap = 2 * narea;
        before.area = xrealloc(before.area, before.cap * sizeof *before.area);
    }
    memcpy(before.area, areas, narea * sizeof *areas);
    before.n = narea;
    before.total_pages = total_pages;
    before.brk = brk_cur;
    __atomic_store_n(&before.valid, true, __ATOMIC_RELEASE);
}

static void drop_name(char *name)
{
    if (likely(!before.valid)) {
        free(name);
        return;
    }
    if (ndropped == cap_dropped) {
        cap_dropped = 2 * cap_dropped + 16;
        dropped = xrealloc(dropped, cap_dropped * sizeof *dropped);
    }
    dropped[ndropped++] = name;
}

static void mend(void);

static void lock(void)
{
    if (unlikely(lock_take(&mem_lock)))
        mend();
}

static void unlock(void)
{
    __atomic_store_n(&before.valid, false, __ATOMIC_RELEASE);
    while (unlikely(ndropped))
        free(dropped[--ndropped]);
    lock_release(&mem_lock);
}

/* ---- the interval map ---- */

/* Index of the first area with end > addr. */
static size_t area_index(gaddr addr)
{
    size_t lo = 0, hi = narea;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (areas[mid].end > addr)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static struct area *area_at(gaddr addr)
{
    size_t i = area_index(addr);
    return i < narea && areas[i].start <= addr ? &areas[i] : NULL;
}

static void area_insert(size_t i, const struct area *a)
{
    change();
    if (narea == cap_area) {
        cap_area = cap_area ? cap_area * 2 : 64;
        areas = xrealloc(areas, cap_area * sizeof *areas);
    }
    memmove(&areas[i + 1], &areas[i], (narea - i) * sizeof *areas);
    areas[i] = *a;
    narea++;
}

static void area_delete(size_t i)
{
    change();
    drop_name(areas[i].name);
    memmove(&areas[i], &areas[i + 1], (narea - i - 1) * sizeof *areas);
    narea--;
}

/* Makes `addr` a border between areas. */
static void area_split(gaddr addr)
{
    size_t i = area_index(addr);
    if (i >= narea || areas[i].start >= addr)
        return;
    change();
    struct area hi = areas[i];
    hi.start = addr;
    hi.off += addr - areas[i].start;
    hi.growsdown = false;
    if (hi.name)
        hi.name = xstrdup(hi.name);
    areas[i].end = addr;
    area_insert(i + 1, &hi);
}

static bool area_mergeable(const struct area *a, const struct area *b)
{
    return a->end == b->start && a->prot == b->prot && a->kind == b->kind &&
           a->shared == b->shared && a->sealed == b->sealed && a->droppable == b->droppable &&
           a->writable_file == b->writable_file && a->noexec == b->noexec &&
           a->dev == b->dev && a->ino == b->ino &&
           (a->kind != MEM_FILE || a->off + (a->end - a->start) == b->off) &&
           a->kind != MEM_SHM && !b->growsdown && (a->name != NULL) == (b->name != NULL) &&
           (!a->name || !strcmp(a->name, b->name));
}

/* Joins what can be joined around [start, end]. */
static void area_merge(gaddr start, gaddr end)
{
    size_t i = area_index(start ? start - 1 : 0);
    while (i + 1 < narea && areas[i].start <= end) {
        if (area_mergeable(&areas[i], &areas[i + 1])) {
            change();
            areas[i].end = areas[i + 1].end;
            area_delete(i + 1);
        } else {
            i++;
        }
    }
}

/* Is anything of [start, end) sealed? It must not be unmapped then, nor replaced. */
static bool has_seal(gaddr start, gaddr end)
{
    for (size_t i = area_index(start); i < narea && areas[i].start < end; i++)
        if (areas[i].sealed)
            return true;
    return false;
}

/* Forgets the areas of [start, end): bookkeeping only. */
static void area_remove(gaddr start, gaddr end)
{
    area_split(start);
    area_split(end);
    size_t i = area_index(start);
    while (i < narea && areas[i].start < end) {
        total_pages -= (areas[i].end - areas[i].start) >> GUEST_PAGE_SHIFT;
        area_delete(i);
    }
    set_pages(start, end, 0);
}

static void area_add(const struct area *a)
{
    area_insert(area_index(a->start), a);
    total_pages += (a->end - a->start) >> GUEST_PAGE_SHIFT;
    set_pages(a->start, a->end, area_bits(a, a->prot));
    area_merge(a->start, a->end);
}

static bool range_free(gaddr start, gaddr end)
{
    size_t i = area_index(start);
    if (i >= narea)
        return true;
    gaddr s = areas[i].start;
    return s >= end;
}

/* Tells the code cache to forget [start, end) and clears the marks; the caller holds the lock and
 * takes care of host protections. True if there was code. */
static bool forget_code(gaddr start, gaddr end)
{
    bool any = false;
    for (uint64_t p = start >> GUEST_PAGE_SHIFT; p < ((uint64_t)end + GUEST_PAGE_MASK) >> GUEST_PAGE_SHIFT;
         p++)
        if (mem_page[p] & PAGE_CODE) {
            mem_page[p] &= (uint8_t)~PAGE_CODE;
            any = true;
        }
    if (any && code_hook)
        code_hook(start, end);
    return any;
}

/* forget_code, and gives the host's write permission back where the guest has it. */
static void release_code(gaddr start, gaddr end)
{
    for (gaddr a = PAGE_DOWN(start); a < end; a += GUEST_PAGE_SIZE) {
        uint8_t f = mem_page[a >> GUEST_PAGE_SHIFT];
        if (!(f & PAGE_CODE))
            continue;
        forget_code(a, a + GUEST_PAGE_SIZE);
        host_refresh(a);
    }
}

/* ---- placement ---- */

enum { STACK_GAP_MIN = 128 << 20, TASK_SIZE_3GB = (int)0xc0000000 };

static gaddr mmap_base = MEM_TASK_SIZE - STACK_GAP_MIN;
static bool bottom_up; /* from mmap_base up, as kernels before 2.6.9 */

void mem_personality(uint32_t persona)
{
    mem_read_implies_exec = persona & READ_IMPLIES_EXEC;
    mem_task_size = MEM_TASK_SIZE;
    if ((persona & ADDR_LIMIT_3GB) && mem_task_size > (gaddr)TASK_SIZE_3GB)
        mem_task_size = (gaddr)TASK_SIZE_3GB;
}

/* arch/x86/mm/mmap.c. The gap for the stack is its limit, between 128 MiB and 5/6. */
void mem_layout(uint32_t persona, uint64_t stack_limit)
{
    uint64_t max = (uint64_t)mem_task_size / 6 * 5;
    uint64_t gap = stack_limit < max ? stack_limit + STACK_GUARD_GAP : max;
    gap = gap < STACK_GAP_MIN ? STACK_GAP_MIN : gap < max ? gap : max;
    bottom_up = persona & ADDR_COMPAT_LAYOUT;
    mmap_base = bottom_up ? mem_unmapped_base() : PAGE_UP((gaddr)(mem_task_size - gap));
}

static gaddr place_min(void)
{
    return min_addr > PLACE_MIN ? min_addr : PLACE_MIN;
}

/* Lowest address an area keeps others away from. */
static gaddr area_low(const struct area *a)
{
    if (!a->growsdown)
        return a->start;
    return a->start > STACK_GUARD_GAP ? a->start - STACK_GUARD_GAP : 0;
}

/* Highest free range of `len` bytes that ends at or below `top`; 0 if none. Both in whole pages of the host's, as
 * all that is placed freely. */
static gaddr find_below(gaddr top, uint64_t len)
{
    uint64_t hi = host_down(top);
    for (size_t i = area_index(top ? top - 1 : 0) + 1; i-- > 0;) {
        gaddr low = i < narea ? host_down(area_low(&areas[i])) : MEM_TASK_SIZE;
        if (i < narea && areas[i].start < hi) {
            uint64_t end = host_up(areas[i].end);
            if (hi >= end && hi - end >= len)
                break;
        }
        if (low < hi)
            hi = low;
    }
    return hi >= place_min() + len ? (gaddr)(hi - len) : 0;
}

/* Lowest free range of `len` bytes that starts at or above `bottom`; 0 if none. */
static gaddr find_above(gaddr bottom, uint64_t len)
{
    uint64_t lo = host_up(bottom);
    for (size_t i = area_index(bottom); i < narea && area_low(&areas[i]) < lo + len; i++)
        if (host_up(areas[i].end) > lo)
            lo = host_up(areas[i].end);
    return lo + len <= mem_task_size ? (gaddr)lo : 0;
}

/* From the top down; if there is no room, from a third of the space up, as the kernel; or only that,
 * if the personality says so. `off`: of the file. */
static gaddr find_place(uint32_t len, uint64_t off)
{
    uint32_t in_page = (uint32_t)off & (host_page - 1);
    uint64_t whole = host_up((uint64_t)len + in_page);
    gaddr a = bottom_up ? 0 : find_below(mmap_base, whole);
    a = a ? a : find_above(bottom_up ? mmap_base : mem_unmapped_base(), whole);
    return a ? a + in_page : 0;
}

/* ---- host mappings ---- */

/* Who had the lock was killed: the map is as it was before, and the host's mappings follow it. All code is
 * forgotten, for its marks may be gone. */
static void mend(void)
{
    if (before.valid) {
        cap_area = before.n + 64; /* the old array may have been on the move */
        areas = xmalloc(cap_area * sizeof *areas);
        memcpy(areas, before.area, before.n * sizeof *areas);
        narea = before.n;
        total_pages = before.total_pages;
        brk_cur = before.brk;
    }
    ndropped = 0;
    before.valid = false;
    gaddr at = min_addr;
    for (size_t i = 0; i < narea; at = areas[i++].end) { /* others read this without the lock */
        if (areas[i].start > at)
            set_pages(at, areas[i].start, 0);
        set_pages(areas[i].start, areas[i].end, area_bits(&areas[i], areas[i].prot));
    }
    set_pages(at, MEM_TASK_SIZE, 0);
    at = min_addr;
    for (size_t i = 0; i <= narea; i++) {
        gaddr start = i < narea ? areas[i].start : MEM_TASK_SIZE;
        if (start > at && host_reserved)
            host_release(at, start);
        if (i == narea)
            break;
        at = areas[i].end;
        host_protect(start, at, areas[i].prot);
    }
    if (code_hook)
        code_hook(0, MEM_TASK_SIZE);
}

static int64_t reserve(uint64_t from, uint64_t to)
{
    void *p = mmap(hostp(from), to - from, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == MAP_FAILED)
        return -errno;
    if (p != hostp(from)) { /* kernel before 4.17: the flag was taken as a hint */
        munmap(p, to - from);
        return -EEXIST;
    }
    return 0;
}

static gaddr read_min_addr(void)
{
    char buf[32] = "";
    int fd = open("/proc/sys/vm/mmap_min_addr", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, buf, sizeof buf - 1);
        buf[n > 0 ? n : 0] = 0;
        close(fd);
    }
    unsigned long v = strtoul(buf, NULL, 10);
    if (!buf[0])
        v = 65536;
    return v < host_page ? host_page : (gaddr)host_up(v);
}

int mem_init(void)
{
    uint64_t top = GUEST_END;
#ifdef XRUN_ASAN
    top = MEM_TASK_SIZE; /* the sanitizer's shadow starts above */
#endif
    int64_t r = reserve(min_addr = host_page, top); /* often allowed, and quicker tried than read */
    if (r == -EPERM || r == -EEXIST)
        r = reserve(min_addr = read_min_addr(), top);
    if ((r == -EPERM || r == -EEXIST) && min_addr < 65536)
        r = reserve(min_addr = 65536, top);
    if (r == -ENOMEM)
        return 0; /* RLIMIT_AS: live without; placement is ours anyway */
    if (r)
        return (int)r;
    host_reserved = true;
#ifndef XRUN_ASAN
    r = reserve(GUEST_END, GUEST_END + GUARD_SIZE);
    if (r == -EEXIST)
        r = reserve(GUEST_END, GUEST_END + 0x10000);
#endif
    return r == -ENOMEM ? 0 : (int)r;
}

/* ---- mmap, munmap ---- */

static bool over_limit(uint64_t more)
{
    if (!process_self)
        return false;
    uint64_t lim = process_self->rlim_as[0];
    return lim && lim != UINT64_MAX && (total_pages << GUEST_PAGE_SHIFT) + more > lim;
}

/* The file's name, for as long as nothing changes in it: loaders map a file piece by piece. */
static char *known_name(const struct stat *st, const char *name)
{
    static struct stat last;
    static char *last_name;
    char *found = NULL;
    lock();
    if (name) {
        free(last_name);
        last_name = xstrdup(name);
        last = *st;
    } else if (last_name && last.st_dev == st->st_dev && last.st_ino == st->st_ino &&
               !memcmp(&last.st_ctim, &st->st_ctim, sizeof st->st_ctim)) {
        found = xstrdup(last_name);
    }
    unlock();
    return found;
}

void mem_name_file(int fd, const char *name)
{
    struct stat st, named;
    if (name[0] == '/' && !fstat(fd, &st) && !stat(name, &named) && st.st_ino == named.st_ino &&
        st.st_dev == named.st_dev)
        known_name(&st, name);
}

static char *fd_path(int fd, const struct stat *st)
{
    char link[64], buf[4096], *known = known_name(st, NULL);
    if (known)
        return known;
    snprintf(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    ssize_t n = readlink(link, buf, sizeof buf - 1);
    if (n <= 0)
        return NULL;
    buf[n] = 0;
    known_name(st, buf);
    return xstrdup(buf);
}

/* What a mapping shows; off: in the file. */
struct source {
    int fd;
    uint64_t off, dev, ino;
    unsigned long mount; /* ST_*: how the file system is mounted */
    bool writable;
    char *name; /* the area's then, if it is mapped */
};

/* name: NULL: what the host calls the file. */
static struct source source_file(int fd, uint64_t off, const char *name)
{
    struct source s = {.fd = fd, .off = off, .name = name ? xstrdup(name) : NULL};
    struct statvfs fs;
    struct stat st;
    if (fstat(fd, &st))
        return s;
    s.dev = st.st_dev;
    s.ino = st.st_ino;
    s.writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    s.mount = fstatvfs(fd, &fs) ? 0 : fs.f_flag;
    if (!name)
        s.name = fd_path(fd, &st);
    return s;
}

/* Whether others may change what a shared mapping of the file shows. Files below /usr are replaced, not
 * written to (Filesystem Hierarchy Standard: "read-only data"); a table of the C library's from there is
 * mapped by nearly every program, which should not pay for that. */
static bool may_change(const struct source *s)
{
    int seals = fcntl(s->fd, F_GET_SEALS);
    if ((seals > 0 && (seals & F_SEAL_WRITE)) || (s->mount & ST_RDONLY))
        return false;
    return !s->name || strncmp(path_to_guest(s->name), "/usr/", 5) != 0;
}

/* PR_SET_MDWE: nothing is writable and executable, nor becomes executable later. */
static bool mdwe_denies(int prot)
{
    return (mem_mdwe & MEM_MDWE_REFUSE) && (prot & PROT_EXEC) && (prot & PROT_WRITE);
}

static bool mdwe_denies_change(int old, int prot)
{
    bool gains = (prot & PROT_EXEC) && !(old & PROT_EXEC);
    return mdwe_denies(prot) || ((mem_mdwe & MEM_MDWE_REFUSE) && gains);
}

/* Where a mapping may begin. Huge pages: of the size that the flags tell, or the architecture's. */
static uint32_t alignment(int flags)
{
    int huge = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
    return !(flags & MAP_HUGETLB) ? GUEST_PAGE_SIZE : huge == 30 ? 1u << 30 : 2u << 20;
}

static bool is_shared(int flags)
{
    return (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
}

/* Chooses the address for a new mapping as get_unmapped_area does; 0..: address, < 0: errno. */
static int64_t place(gaddr addr, uint32_t len, int flags, uint64_t off)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (addr & GUEST_PAGE_MASK)
            return -EINVAL;
        if (len > mem_task_size || addr > mem_task_size - len)
            return -ENOMEM;
        if ((flags & MAP_FIXED_NOREPLACE) && !range_free(addr, addr + len))
            return -EEXIST;
        return addr;
    }
    uint32_t align = alignment(flags);
    if (len > mem_task_size - align)
        return -ENOMEM;
    addr &= -align;
    if (addr && addr < place_min())
        addr = place_min();
    if (addr && addr <= mem_task_size - len && range_free(addr, addr + len)) {
        size_t i = area_index(addr);
        bool fits = !is_shared(flags) || (host_alone(addr, addr + len) && (addr - (gaddr)off) % host_page == 0);
        if ((i >= narea || area_low(&areas[i]) >= addr + len) && fits)
            return addr;
    }
    addr = find_place(len + align - GUEST_PAGE_SIZE, off);
    addr = (addr + align - 1) & -align;
    return addr && addr <= mem_task_size - len ? (int64_t)addr : -ENOMEM;
}

static int64_t map_locked(gaddr addr, uint32_t len, int prot, int flags, enum mem_kind kind, const struct source *s)
{
    int64_t at = place(addr, len, flags, flags & MAP_ANONYMOUS ? 0 : s->off);
    if (at < 0)
        return at;
    gaddr start = (gaddr)at, end = start + len;
    if (over_limit(len))
        return -ENOMEM;
    bool with_program = kind != MEM_ANON && kind != MEM_FILE;
    if (mdwe_denies(prot) && !with_program)
        return -EACCES;
    if ((flags & MAP_FIXED) && has_seal(start, end))
        return -EPERM;
    if (flags & MAP_FIXED)
        forget_code(start, end);
    bool droppable = (flags & MAP_TYPE) == MAP_DROPPABLE;
    int hflags = (flags & ~(MAP_32BIT_GUEST | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE)) | MAP_FIXED;
    if (mem_lock_future && mem_lock_future == getpid() && !droppable)
        hflags |= MAP_LOCKED;
    int r = host_map(start, end, prot, hflags, s->fd, s->off);
    if (r) {
        if (flags & MAP_FIXED) /* host protections of forgotten code pages */
            for (gaddr a = start; a < end; a += GUEST_PAGE_SIZE)
                host_refresh(a);
        return r;
    }
    area_remove(start, end);
    struct area a = {.start = start, .end = end, .off = s->off, .prot = (uint8_t)(prot & 7),
                     .kind = (uint8_t)kind, .shared = is_shared(flags), .droppable = droppable,
                     .growsdown = flags & MAP_GROWSDOWN, .name = s->name, .dev = s->dev, .ino = s->ino,
                     .writable_file = s->writable, .noexec = s->mount & ST_NOEXEC};
    area_add(&a);
    return start;
}

int64_t mem_map_kind(gaddr addr, uint32_t len, int prot, int flags, int fd, uint64_t off,
                     enum mem_kind kind, const char *name)
{
    if (!len || (off & GUEST_PAGE_MASK))
        return -EINVAL;
    if (len > 0xfffff000u)
        return -ENOMEM;
    len = flags & MAP_ANONYMOUS ? (len + alignment(flags) - 1) & -alignment(flags) : PAGE_UP(len);
    if (!len)
        return -ENOMEM;
    int type = flags & MAP_TYPE;
    if (!is_shared(type) && type != MAP_PRIVATE &&
        !(type == MAP_DROPPABLE && (flags & MAP_ANONYMOUS)))
        return -EINVAL;
    if (type == MAP_DROPPABLE && (flags & (MAP_LOCKED | MAP_HUGETLB | MAP_GROWSDOWN)))
        return -EINVAL;
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    bool implied = mem_read_implies_exec && (prot & PROT_READ) && !(prot & PROT_EXEC) &&
                   kind != MEM_STACK; /* whose the program tells */
    prot |= implied ? PROT_EXEC : 0;
    struct source s = {.fd = -1, .off = off};
    if (!(flags & MAP_ANONYMOUS)) {
        s = source_file(fd, off, name);
        kind = kind == MEM_ANON ? MEM_FILE : kind;
        if ((prot & PROT_EXEC) && (s.mount & ST_NOEXEC)) {
            if (!implied) {
                free(s.name);
                return -EPERM;
            }
            prot &= ~PROT_EXEC;
        }
    } else if (name) {
        s.name = xstrdup(name);
    }
    if (is_shared(type) &&
        ((flags & MAP_ANONYMOUS) || (prot & PROT_WRITE) || may_change(&s)))
        mem_set_shared();
    lock();
    int64_t r = map_locked(addr, len, prot, flags, kind, &s);
    unlock();
    if (r < 0)
        free(s.name);
    return r;
}

int64_t mem_map(gaddr addr, uint32_t len, int prot, int flags, int fd, uint64_t off)
{
    return mem_map_kind(addr, len, prot, flags, fd, off, MEM_ANON, NULL);
}

static void unmap_locked(gaddr start, gaddr end)
{
    forget_code(start, end);
    host_release(start, end);
    area_remove(start, end);
}

int mem_unmap(gaddr addr, uint32_t len)
{
    if ((addr & GUEST_PAGE_MASK) || !len || len > mem_task_size || addr > mem_task_size - len)
        return -EINVAL;
    len = PAGE_UP(len);
    lock();
    bool sealed = has_seal(addr, addr + len);
    if (!sealed)
        unmap_locked(addr, addr + len);
    unlock();
    return sealed ? -EPERM : 0;
}

/* ---- who sees it ---- */

bool mem_is_shared;
void (*mem_now_shared)(void);

void mem_set_shared(void)
{
    if (mem_is_shared)
        return;
    if (mem_now_shared)
        mem_now_shared();
    mem_is_shared = true;
}

/* ---- mprotect ---- */

/* Applies `prot` to [start, end) of one area. */
static int protect_area(gaddr start, gaddr end, int prot)
{
    bool keep = (prot & PROT_EXEC) && !(prot & PROT_WRITE);
    if (!keep)
        forget_code(start, end);
    int r = host_protect(start, end, prot);
    if (r)
        return r;
    area_split(start);
    area_split(end);
    change();
    struct area *a = area_at(start);
    a->prot = (uint8_t)prot;
    if (a->shared && (prot & PROT_WRITE))
        mem_set_shared();
    for (gaddr p = start; p < end; p += GUEST_PAGE_SIZE) {
        uint8_t *f = &mem_page[p >> GUEST_PAGE_SHIFT];
        *f = (uint8_t)((*f & PAGE_CODE) | area_bits(a, prot));
    }
    area_merge(start, end);
    return 0;
}

int mem_protect(gaddr addr, uint32_t len, int prot)
{
    int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    prot &= ~grows;
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (addr & GUEST_PAGE_MASK))
        return -EINVAL;
    if (!len)
        return 0;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */))
        return -EINVAL;
    if (len > 0xfffff000u || addr + PAGE_UP(len) - 1 < addr)
        return -ENOMEM;
    prot &= 7;
    bool implied = mem_read_implies_exec && (prot & PROT_READ);
    gaddr end = addr + PAGE_UP(len);
    int r = 0;
    if (addr >= MEM_TASK_SIZE)
        return -ENOMEM;
    lock();
    struct area *first = area_at(addr);
    if (grows & PROT_GROWSDOWN) {
        if (!first || !first->growsdown)
            r = first ? -EINVAL : -ENOMEM;
        else
            addr = first->start;
    } else if (grows) {
        r = -EINVAL;
    }
    while (!r && addr < end) {
        struct area *a = area_at(addr);
        if (!a) {
            r = -ENOMEM;
            break;
        }
        gaddr to = a->end < end ? a->end : end;
        int its = prot | (implied && !a->noexec ? PROT_EXEC : 0);
        r = mdwe_denies_change(a->prot, its) || (a->noexec && (its & PROT_EXEC)) ? -EACCES
          : a->sealed ? -EPERM : protect_area(addr, to, its);
        addr = to;
    }
    unlock();
    return r;
}

/* ---- mseal ---- */

int mem_seal(gaddr addr, uint32_t len)
{
    uint64_t end = (uint64_t)addr + PAGE_UP((uint64_t)len), at = addr;
    if (addr & GUEST_PAGE_MASK)
        return -EINVAL;
    if (!len)
        return 0;
    lock();
    for (struct area *a; at < end && at < MEM_TASK_SIZE && (a = area_at((gaddr)at)); at = a->end)
        ;
    if (at < end) { /* a hole */
        unlock();
        return -ENOMEM;
    }
    area_split(addr);
    area_split((gaddr)end);
    change();
    for (size_t i = area_index(addr); i < narea && areas[i].start < end; i++)
        areas[i].sealed = true;
    area_merge(addr, (gaddr)end);
    unlock();
    return 0;
}

/* ---- mremap ---- */

static int64_t remap_move(const struct area *a, gaddr old, uint32_t old_len, uint32_t new_len,
                          int flags, gaddr to)
{
    struct area moved = *a;
    moved.start = to;
    moved.end = to + new_len;
    moved.off += old - a->start;
    moved.growsdown = false;
    forget_code(to, to + new_len);
    int r = host_move(old, old_len, to, new_len, flags, a->prot, a->shared, a->ino);
    if (r)
        return r;
    moved.name = a->name ? xstrdup(a->name) : NULL;
    if (old_len && !(flags & MREMAP_DONTUNMAP)) {
        host_release(old, old + old_len);
        area_remove(old, old + old_len);
    }
    area_remove(to, to + new_len);
    area_add(&moved);
    return to;
}

static int64_t remap_grow(struct area *a, gaddr old, uint32_t old_len, uint32_t new_len)
{
    gaddr end = old + old_len, new_end = old + new_len;
    if (a->end != end || new_end < end || new_end > mem_task_size || !range_free(end, new_end))
        return -ENOMEM;
    int r = host_grow(old, end, new_end, a->prot, a->shared, a->ino);
    if (r)
        return r;
    change();
    total_pages += (new_end - end) >> GUEST_PAGE_SHIFT;
    a->end = new_end;
    set_pages(end, new_end, area_bits(a, a->prot));
    area_merge(a->start, a->end);
    return old;
}

static int64_t remap_locked(gaddr old, uint32_t old_len, uint32_t new_len, int flags, gaddr to)
{
    struct area *a = area_at(old);
    if (!a)
        return -EFAULT;
    if (a->sealed || ((flags & MREMAP_FIXED) && has_seal(to, to + new_len)))
        return -EPERM;
    if (old_len > a->end - old) /* only a shrink may span areas */
        return -EFAULT;
    if (!old_len && !a->shared)
        return -EINVAL;
    release_code(old, old + old_len);
    if (new_len > old_len && over_limit(new_len - old_len))
        return -ENOMEM;
    if (flags & MREMAP_FIXED)
        return remap_move(a, old, old_len, new_len, flags, to);
    if (!(flags & MREMAP_DONTUNMAP) && old_len) {
        if (new_len == old_len)
            return old;
        int64_t r = remap_grow(a, old, old_len, new_len);
        if (r >= 0 || !(flags & MREMAP_MAYMOVE))
            return r;
        a = area_at(old);
    }
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    /* alike in the host's page, or it has to be copied */
    int64_t at = place(flags & MREMAP_DONTUNMAP ? to : 0, new_len, a->shared ? MAP_SHARED : 0, old);
    return at > 0 ? remap_move(a, old, old_len, new_len, flags, (gaddr)at) : -ENOMEM;
}

/* mm/mremap.c, check_mremap_params. */
static bool remap_bad(gaddr old, uint64_t old_len, uint64_t new_len, int flags, gaddr new_addr)
{
    if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (old & GUEST_PAGE_MASK) || !new_len ||
        new_len > mem_task_size)
        return true;
    if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
        return false;
    return (new_addr & GUEST_PAGE_MASK) || new_addr > mem_task_size - new_len || !(flags & MREMAP_MAYMOVE) ||
           ((flags & MREMAP_DONTUNMAP) && old_len != new_len) ||
           (old + old_len > new_addr && new_addr + new_len > old);
}

int64_t mem_remap(gaddr old, uint32_t old_size, uint32_t new_size, int flags, gaddr new_addr)
{
    uint64_t old_len = PAGE_UP((uint64_t)old_size), new_len = PAGE_UP((uint64_t)new_size);
    if (remap_bad(old, old_len, new_len, flags, new_addr))
        return -EINVAL;
    lock();
    int64_t r;
    if (old_len > new_len) { /* shrink first, as the kernel does */
        struct area *a = area_at(old);
        int e = !a ? -EFAULT : old + old_len > mem_task_size ? -EINVAL
              : has_seal(old, (gaddr)(old + old_len)) ? -EPERM : 0;
        if (e) {
            unlock();
            return e;
        }
        unmap_locked(old + (gaddr)new_len, (gaddr)(old + old_len));
        old_len = new_len;
    }
    r = remap_locked(old, (uint32_t)old_len, (uint32_t)new_len, flags, new_addr);
    unlock();
    return r;
}

/* ---- brk ---- */

void mem_brk_init(gaddr start)
{
    brk_start = brk_cur = start;
}

gaddr mem_brk(gaddr brk)
{
    lock();
    change();
    gaddr oldp = PAGE_UP(brk_cur), newp = PAGE_UP(brk);
    uint64_t lim = process_self ? process_self->rlim_data[0] : 0;
    bool ok = brk >= brk_start && brk < mem_task_size && newp >= brk;
    if (ok && lim && lim != UINT64_MAX && (uint64_t)brk - brk_start > lim)
        ok = false;
    if (ok && newp > oldp) {
        size_t i = area_index(oldp);
        ok = i >= narea || area_low(&areas[i]) >= newp;
        ok = ok && map_locked(oldp, newp - oldp, mem_read_implies_exec ? 7 : PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, MEM_HEAP, &(struct source){.fd = -1}) >= 0;
    } else if (ok && newp < oldp) {
        ok = !has_seal(newp, oldp);
        if (ok)
            unmap_locked(newp, oldp);
    }
    if (ok)
        brk_cur = brk;
    brk = brk_cur;
    unlock();
    return brk;
}

/* ---- madvise, SysV shared memory ---- */

/* Advice that throws contents away: not on sealed memory that could not be overwritten either. */
static bool discards(int advice)
{
    enum { DONTNEED_LOCKED = 24, GUARD_INSTALL = 102 };
    return advice == MADV_FREE || advice == MADV_DONTNEED || advice == DONTNEED_LOCKED ||
           advice == MADV_REMOVE || advice == MADV_DONTFORK || advice == MADV_WIPEONFORK ||
           advice == GUARD_INSTALL;
}

static bool seal_forbids(const struct area *a, int advice)
{
    return a->sealed && !a->ino && !a->shared && !(a->prot & PROT_WRITE) && discards(advice);
}

int mem_advise(gaddr addr, uint32_t len, int advice)
{
    if (addr & GUEST_PAGE_MASK || madvise(hostp(host_down(addr)), 0, advice)) /* no such advice */
        return -EINVAL;
    uint64_t last = addr + PAGE_UP((uint64_t)len); /* what lies above the guest's space is a hole */
    lock();
    int r = 0;
    bool hole = last > MEM_TASK_SIZE;
    gaddr end = hole ? MEM_TASK_SIZE : (gaddr)last;
    for (gaddr a = addr; a < end && !r;) {
        size_t i = area_index(a);
        if (i >= narea || areas[i].start >= end) {
            hole = true;
            break;
        }
        if (areas[i].start > a) {
            hole = true;
            if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) /* others go on behind it */
                break;
            a = areas[i].start;
        }
        if (seal_forbids(&areas[i], advice)) {
            r = -EPERM;
            break;
        }
        gaddr to = areas[i].end < end ? areas[i].end : end;
        release_code(a, to);
        r = host_advise(a, to, advice, areas[i].shared, areas[i].ino);
        a = to;
    }
    unlock();
    return r ? r : hole ? -ENOMEM : 0;
}

int64_t mem_shm_attach(int shmid, gaddr addr, int shmflg, uint32_t size)
{
    uint32_t len = PAGE_UP(size);
    if (!len || len < size)
        return -EINVAL;
    if (addr & GUEST_PAGE_MASK) {
        if (!(shmflg & SHM_RND))
            return -EINVAL;
        addr = PAGE_DOWN(addr);
    }
    if ((shmflg & SHM_REMAP) && !addr)
        return -EINVAL;
    lock();
    int64_t at = addr ? (int64_t)addr : (int64_t)find_place(len, 0);
    if (!at || (uint64_t)at + len > mem_task_size)
        at = -ENOMEM;
    else if (addr && !(shmflg & SHM_REMAP) && !range_free(addr, addr + len))
        at = -EINVAL;
    else if (addr != host_down(addr) || !host_alone((gaddr)at, (gaddr)at + len))
        at = -EINVAL; /* the host has it in pages of its own only */
    else if ((shmflg & SHM_EXEC) && mdwe_denies(PROT_EXEC | (shmflg & SHM_RDONLY ? 0 : PROT_WRITE)))
        at = -EACCES;
    else if (addr && has_seal(addr, addr + len))
        at = -EPERM;
    if (at >= 0) {
        gaddr start = (gaddr)at;
        forget_code(start, start + len);
        void *p = shmat(shmid, hostp(start), (shmflg & ~(SHM_EXEC | SHM_RND)) | SHM_REMAP);
        if (p == (void *)-1) {
            at = -errno;
        } else {
            host_note_shared(start, start + len);
            area_remove(start, start + len);
            mem_set_shared();
            int prot = PROT_READ | (shmflg & SHM_RDONLY ? 0 : PROT_WRITE) |
                       (shmflg & SHM_EXEC || mem_read_implies_exec ? PROT_EXEC : 0);
            char name[32];
            snprintf(name, sizeof name, "/SYSV%08x", 0);
            struct area a = {.start = start, .end = start + len, .prot = (uint8_t)prot,
                             .kind = MEM_SHM, .shared = true, .ino = (uint64_t)shmid,
                             .name = xstrdup(name)};
            area_add(&a);
        }
    }
    unlock();
    return at;
}

int mem_shm_detach(gaddr addr)
{
    lock();
    struct area *a = area_at(addr);
    int r = -EINVAL;
    if (a && a->kind == MEM_SHM && a->start == addr) {
        gaddr end = a->end;
        forget_code(addr, end);
        bool sealed = has_seal(addr, end); /* stays, and nobody is told */
        r = sealed ? 0 : shmdt(hostp(addr)) ? -errno : 0;
        if (!r && !sealed) {
            host_release(addr, end);
            area_remove(addr, end);
        }
    }
    unlock();
    return r;
}

int64_t mem_adopt(void *host, uint32_t len, int prot, const char *name)
{
    lock();
    int64_t r = find_place(len, 0);
    if (!r || over_limit(len)) {
        r = -ENOMEM;
    } else if (mremap(host, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, hostp((uint64_t)r)) ==
               MAP_FAILED) {
        r = -errno;
    } else {
        host_note_shared((gaddr)r, (gaddr)r + len);
        struct area a = {.start = (gaddr)r, .end = (gaddr)r + len, .prot = (uint8_t)prot,
                         .kind = MEM_FILE, .shared = true, .name = xstrdup(name)};
        area_add(&a);
    }
    unlock();
    return r;
}

int mem_remap_pages(gaddr addr, uint32_t len, uint32_t prot, uint32_t pgoff, uint32_t flags)
{
    gaddr start = PAGE_DOWN(addr), end = start + PAGE_DOWN(len);
    int r = -EINVAL;
    if (prot || end <= start || (!host_fine() && (start | end | pgoff << GUEST_PAGE_SHIFT) & (host_page - 1)))
        return r;
    lock();
    struct area *a = area_at(start);
    if (a && a->shared && has_seal(start, end)) {
        r = -EPERM;
    } else if (a && a->shared) {
        release_code(start, end);
        r = syscall(SYS_remap_file_pages, hostp(start), (size_t)(end - start), 0L, (long)pgoff,
                    (long)flags) ? -errno : 0;
    }
    for (gaddr at = start; !r && at < end; at = a->end) { /* only /proc/self/maps is to be told */
        area_split(at);
        area_split(end);
        a = area_at(at);
        a->off = ((uint64_t)pgoff << GUEST_PAGE_SHIFT) + (at - start);
    }
    unlock();
    return r;
}

/* ---- questions ---- */

bool mem_check(gaddr addr, uint32_t len, int prot)
{
    if (!len)
        return true;
    if (addr + (len - 1) < addr)
        return false;
    uint8_t want = page_bits(prot, false);
    for (uint64_t p = addr >> GUEST_PAGE_SHIFT; p <= (addr + (len - 1)) >> GUEST_PAGE_SHIFT; p++)
        if ((mem_page[p] & want) != want)
            return false;
    return true;
}

bool mem_find(gaddr addr, struct mem_area *out)
{
    lock();
    size_t i = area_index(addr);
    bool found = i < narea;
    if (found) {
        const struct area *a = &areas[i];
        *out = (struct mem_area){.start = a->start, .end = a->end, .prot = a->prot,
                                 .kind = a->kind, .shared = a->shared, .growsdown = a->growsdown,
                                 .offset = a->off, .dev = a->dev, .ino = a->ino};
        snprintf(out->name, sizeof out->name, "%s", a->name ? a->name : "");
    }
    unlock();
    return found;
}

static const char *kind_name(const struct area *a)
{
    switch (a->kind) {
    case MEM_HEAP: return "[heap]";
    case MEM_STACK: return "[stack]";
    case MEM_VDSO: return a->name ? a->name : "[vdso]";
    default: return a->name ? a->name : "";
    }
}

/* A line of its own for each mapping, whatever its file is called (seq_file_path). Up to four times as long. */
static char *put_name(char *p, const char *name)
{
    for (; *name; name++)
        if (*name == '\n')
            p = stpcpy(p, "\\012");
        else
            *p++ = *name;
    return p;
}

int mem_write_maps(int fd)
{
    lock();
    size_t size = 1;
    for (size_t i = 0; i < narea; i++)
        size += 80 + (areas[i].name ? 4 * strlen(areas[i].name) : 16);
    char *buf = xmalloc(size), *p = buf;
    for (size_t i = 0; i < narea; i++) {
        const struct area *a = &areas[i];
        const char *name = kind_name(a);
        bool file = a->kind == MEM_FILE || a->kind == MEM_SHM;
        int n = sprintf(p, "%08x-%08x %c%c%c%c %08" PRIx64 " %02x:%02x %" PRIu64 " ", a->start,
                        a->end, a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
                        a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p',
                        file ? a->off : UINT64_C(0), major(a->dev), minor(a->dev), a->ino);
        p += n;
        if (*name) /* fs/proc/task_mmu.c pads to column 73 */
            p = put_name(p + sprintf(p, "%*s", n < 73 ? 73 - n : 0, ""), name);
        *p++ = '\n';
    }
    unlock();
    int r = 0;
    for (char *q = buf; q < p && !r;) {
        ssize_t n = write(fd, q, (size_t)(p - q));
        if (n < 0)
            r = -errno;
        else
            q += n;
    }
    free(buf);
    return r;
}

/* ---- faults and code pages ---- */

static bool grow_stack(gaddr addr)
{
    size_t i = area_index(addr);
    if (i >= narea || !areas[i].growsdown || areas[i].start <= addr)
        return false;
    struct area *a = &areas[i];
    gaddr start = PAGE_DOWN(addr);
    uint64_t lim = process_self ? process_self->rlim_stack[0] : 8u << 20;
    if (lim != UINT64_MAX && (uint64_t)a->end - start > lim)
        return false;
    if (i > 0 && !areas[i - 1].growsdown && areas[i - 1].prot &&
        (uint64_t)areas[i - 1].end + STACK_GUARD_GAP > start)
        return false;
    if (i > 0 && areas[i - 1].end > start)
        return false;
    if (start < min_addr || over_limit(a->start - start))
        return false;
    if (host_map(start, a->start, a->prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
        return false;
    change();
    total_pages += (a->start - start) >> GUEST_PAGE_SHIFT;
    set_pages(start, a->start, page_bits(a->prot, false));
    a->start = start;
    return true;
}

/* Can the host read there, whatever the map says? A call that reads memory and does nothing with it. */
static bool host_readable(gaddr addr)
{
    int saved = errno;
    bool ok = !syscall(SYS_rt_sigprocmask, -1 /* no such operation */, hostp(addr & ~7u), NULL, 8) || errno != EFAULT;
    errno = saved;
    return ok;
}

/* Lets stores to the page through: code in it is forgotten, and so is what else of a page of the host's has held
 * them back; that code is compared from now on. True if there was code. */
static bool let_write(gaddr page)
{
    bool any = mem_page[page >> GUEST_PAGE_SHIFT] & PAGE_CODE;
    release_code(page, page + GUEST_PAGE_SIZE);
    if (host_fine())
        return any;
    gaddr first = host_down(page);
    for (uint64_t a = first; a < (uint64_t)first + host_page; a += GUEST_PAGE_SIZE) {
        uint8_t *f = &mem_page[a >> GUEST_PAGE_SHIFT];
        if (!host_guards(*f))
            continue;
        *f |= PAGE_FOREIGN | PAGE_MIXED;
        any = forget_code((gaddr)a, (gaddr)a + GUEST_PAGE_SIZE);
    }
    host_refresh(page);
    return any;
}

/* Does code hold stores to this page back? */
static bool holds_back(gaddr page)
{
    gaddr first = host_down(page);
    for (uint64_t a = first; a < (uint64_t)first + host_page; a += GUEST_PAGE_SIZE)
        if (host_guards(mem_page_flags((gaddr)a)))
            return true;
    return false;
}

enum mem_fault mem_fault(gaddr addr, bool write, gaddr esp)
{
    (void)esp;
    enum mem_fault r;
    lock();
    uint8_t *f = &mem_page[addr >> GUEST_PAGE_SHIFT];
    if (!(*f & PAGE_MAPPED)) {
        r = grow_stack(addr) ? MEM_FAULT_RETRY : MEM_FAULT_MAPERR;
    } else if (write ? !(*f & PAGE_W) : !(*f & (PAGE_R | PAGE_W | PAGE_X))) {
        r = MEM_FAULT_ACCERR;
    } else if (write && let_write(PAGE_DOWN(addr))) {
        r = MEM_FAULT_CODE;
    } else {
        unlock(); /* another thread has mended it meanwhile, or it is guarded (MADV_GUARD_INSTALL) */
        return host_readable(addr) ? MEM_FAULT_RETRY : MEM_FAULT_MAPERR;
    }
    unlock();
    return r;
}

bool mem_code_protect(gaddr addr, uint32_t len)
{
    bool fresh = false;
    lock();
    for (uint64_t a = PAGE_DOWN(addr); a < (uint64_t)addr + len; a += GUEST_PAGE_SIZE) {
        uint8_t *f = &mem_page[a >> GUEST_PAGE_SHIFT];
        if ((*f & (PAGE_CODE | PAGE_MAPPED)) != PAGE_MAPPED)
            continue;
        *f |= PAGE_CODE;
        fresh = true;
        if (host_guards(*f))
            host_refresh((gaddr)a);
    }
    unlock();
    return fresh;
}

void mem_set_code_hook(void (*hook)(gaddr start, gaddr end))
{
    code_hook = hook;
}

void mem_forget_code(gaddr first, gaddr last)
{
    lock();
    if (code_hook)
        code_hook(PAGE_DOWN(first), last < MEM_TASK_SIZE ? last + 1 : MEM_TASK_SIZE);
    unlock();
}

void mem_prepare_write(gaddr addr, uint32_t len)
{
    if (!len)
        return;
    uint64_t end = (uint64_t)addr + len;
    if (end > MEM_TASK_SIZE)
        end = MEM_TASK_SIZE;
    for (uint64_t a = PAGE_DOWN(addr); a < end; a += GUEST_PAGE_SIZE) {
        uint8_t f = mem_page_flags((gaddr)a);
        if (!(f & PAGE_MAPPED))
            return; /* the kernel stops here too */
        if ((f & PAGE_W) && ((f & PAGE_CODE) || holds_back((gaddr)a))) {
            lock();
            let_write((gaddr)a);
            unlock();
        }
    }
}

void mem_fork_prepare(void) { lock(); }
void mem_fork_done(void) { unlock(); }

/* ---- copies ---- */

/* Runs a copy that may fault. The host's fault handler jumps to copy_jb if it cannot mend it. */
#define GUARDED(t, stmt)                                                                           \
    do {                                                                                           \
        if (!(t)) {                                                                                \
            stmt;                                                                                  \
        } else if (sigsetjmp((t)->copy_jb, 0)) {                                                   \
            (t)->copying = 0;                                                                      \
            return -EFAULT;                                                                        \
        } else {                                                                                   \
            (t)->copying = 1;                                                                      \
            __asm__ volatile("" ::: "memory");                                                     \
            stmt;                                                                                  \
            __asm__ volatile("" ::: "memory");                                                     \
            (t)->copying = 0;                                                                      \
        }                                                                                          \
    } while (0)

int mem_read(void *dst, gaddr src, size_t len)
{
    struct thread *t = thread_self;
    if (src + len > GUEST_END)
        return -EFAULT;
    GUARDED(t, memcpy(dst, hostp(src), len));
    return 0;
}

static int write_page(uint64_t to, const char *src, size_t len)
{
    struct thread *t = thread_self;
    if (to + len > GUEST_END)
        return -EFAULT;
    GUARDED(t, memcpy(hostp(to), src, len));
    return 0;
}

/* A word across two pages is written at once or not at all. */
static int write_across(gaddr dst, const char *src, size_t len)
{
    char old[4];
    size_t n = GUEST_PAGE_SIZE - (dst & GUEST_PAGE_MASK);
    if (mem_read(old, dst, len) || write_page((uint64_t)dst + n, src + n, len - n))
        return -EFAULT;
    return write_page(dst, src, n);
}

/* Page by page: what lies before a bad page has been written, as by the kernel. */
int mem_write(gaddr dst, const void *src, size_t len)
{
    int r = 0;
    if (len <= 4 && (dst & GUEST_PAGE_MASK) + len > GUEST_PAGE_SIZE)
        return write_across(dst, src, len);
    for (size_t done = 0, n; done < len && !r; done += n) {
        n = GUEST_PAGE_SIZE - ((dst + done) & GUEST_PAGE_MASK);
        if (n > len - done)
            n = len - done;
        r = write_page(dst + done, (const char *)src + done, n);
    }
    return r;
}

int mem_zero(gaddr dst, size_t len)
{
    struct thread *t = thread_self;
    if (dst + len > GUEST_END)
        return -EFAULT;
    GUARDED(t, memset(hostp(dst), 0, len));
    return 0;
}

int mem_exchange32(gaddr a, uint32_t *old, uint32_t next)
{
    struct thread *t = thread_self;
    volatile bool done = false;
    GUARDED(t, done = __atomic_compare_exchange_n((uint32_t *)hostp(a), old, next, false, __ATOMIC_SEQ_CST,
                                                  __ATOMIC_SEQ_CST));
    return done;
}

int mem_read_str(char *dst, gaddr src, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t chunk = GUEST_PAGE_SIZE - ((src + done) & GUEST_PAGE_MASK);
        if (chunk > size - done)
            chunk = size - done;
        if (mem_read(dst + done, src + (gaddr)done, chunk))
            return -EFAULT;
        char *nul = memchr(dst + done, 0, chunk);
        if (nul)
            return (int)(nul - dst);
        done += chunk;
    }
    return -ENAMETOOLONG;
}
