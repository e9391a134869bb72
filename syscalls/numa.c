/* Memory policy. Node masks are in 32-bit words for the guest, which must not be read or written
 * beyond; what the host cannot know is where the guest has holes. */
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>

#include "core/hostmap.h"
#include "syscalls/priv.h"

enum { MASK_BYTES = GUEST_PAGE_SIZE + 8 };

/* A node mask of `max` bits, of which the last does not count, for the host. */
static void *host_nodes(uint32_t a, uint32_t max, uint8_t buf[MASK_BYTES])
{
    uint32_t bits = max - 1, n = (bits / 32 + (bits % 32 != 0)) * 4;
    if (!a || !max || !bits || bits > GUEST_PAGE_SIZE * 8)
        return mem_host(a);
    memset(buf, 0, MASK_BYTES);
    return mem_read(buf, a, n) ? BAD_PTR : buf;
}

SYSCALL(set_mempolicy)
{
    uint8_t buf[MASK_BYTES];
    return HC(SYS_set_mempolicy, s32(c->a[0]), host_nodes(c->a[1], c->a[2], buf), c->a[2], 0, 0, 0);
}

SYSCALL(mbind)
{
    uint8_t buf[MASK_BYTES];
    uint32_t len = PAGE_UP(c->a[1]);
    bool hole = len && !(c->a[0] & GUEST_PAGE_MASK) && !mem_check(c->a[0], len, 0);
    if (hole && (c->a[2] & 0xff) == MPOL_DEFAULT)
        hole = false;
    uint32_t before = c->a[0] & GUEST_PAGE_MASK ? 0 : c->a[0] - host_down(c->a[0]);
    int64_t r = HC(SYS_mbind, c->a[0] - before, hole ? 0 : (uint64_t)c->a[1] + before, c->a[2],
                   host_nodes(c->a[3], c->a[4], buf), c->a[4], c->a[5]);
    return r || !hole ? r : -EFAULT;
}

SYSCALL(migrate_pages)
{
    uint8_t from[MASK_BYTES], to[MASK_BYTES];
    return HC(SYS_migrate_pages, s32(c->a[0]), c->a[1], host_nodes(c->a[2], c->a[1], from),
              host_nodes(c->a[3], c->a[1], to), 0, 0);
}

SYSCALL(get_mempolicy)
{
    uint8_t buf[MASK_BYTES] = {0};
    int policy;
    uint32_t max = c->a[2], flags = c->a[4], n = (max - 1 + 63) / 64 * 8;
    if (max <= 1)
        n = max * 4;
    if ((flags & MPOL_F_ADDR) && !(flags & ~3u) && !mem_check(c->a[3], 1, 0))
        return c->a[1] && !max ? -EINVAL : -EFAULT;
    /* the host's own mask is large enough unless it asks for more than a page */
    void *nodes = c->a[1] ? buf : NULL;
    int64_t r = HC(SYS_get_mempolicy, c->a[0] ? &policy : NULL, nodes,
                   max > GUEST_PAGE_SIZE * 8 ? (uint64_t)GUEST_PAGE_SIZE * 8 + 1 : max, c->a[3],
                   flags, 0);
    if (r)
        return r;
    if (c->a[0] && mem_write32(c->a[0], (uint32_t)policy))
        return -EFAULT;
    if (!c->a[1])
        return 0;
    if (n > GUEST_PAGE_SIZE)
        return -EINVAL;
    return mem_write(c->a[1], buf, n);
}

/* Addresses in 32 bits for the host; those in holes get EFAULT, where it sees xrun's reservation.
 * An array that ends in bad memory does so for the host too: the kernel works as it reads. */
static uint64_t *wide_pages(uint32_t a, uint32_t n, void **map, size_t *map_len)
{
    uint32_t known = 0, v;
    while (known < n && !mem_read32(a + known * 4, &v))
        known++;
    size_t body = host_up((size_t)known * 8);
    *map_len = body + host_page;
    *map = mmap(NULL, *map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*map == MAP_FAILED || (body && mprotect(*map, body, PROT_READ | PROT_WRITE)))
        return BAD_PTR;
    uint64_t *out = (uint64_t *)((char *)*map + body) - known;
    for (uint32_t i = 0; i < known; i++) {
        v = 0;
        mem_read32(a + i * 4, &v);
        /* for a hole, an address that is mapped in no process */
        out[i] = mem_page_flags(v) & PAGE_MAPPED ? v : UINT64_C(0x7ffffffff000);
    }
    return out;
}

SYSCALL(move_pages)
{
    uint32_t n = c->a[1];
    void *map = MAP_FAILED;
    size_t map_len = 0;
    uint64_t *pages = c->a[2] ? wide_pages(c->a[2], n, &map, &map_len) : NULL;
    mem_prepare_write(c->a[4], n < 1u << 20 ? n * 4 : 0);
    int64_t r = HC(SYS_move_pages, s32(c->a[0]), n, pages, c->a[3], c->a[4], s32(c->a[5]));
    if (map != MAP_FAILED)
        munmap(map, map_len);
    return r;
}
