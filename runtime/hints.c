/* The hints lie in memory that forked processes share: a ring that each writes to and reads at its
 * own pace. Nothing is locked; what is overwritten or half written is lost or a wrong hint. */
#include "runtime/hints.h"

#include <string.h>
#include <sys/mman.h>

#include "core/cpu.h"

enum { RING = 4096, SEEN_BITS = 10, SEEN_WAYS = 4 };

static struct ring {
    uint32_t count; /* of all hints given so far */
    struct hint hint[RING];
} *ring;
bool hints_wanted;
static uint32_t read_to;     /* of ring->count */
static LARGE_BSS uint16_t seen[1 << SEEN_BITS][SEEN_WAYS]; /* by hash, newest first: what was told once */

void hints_init(void)
{
    if (ring)
        return;
    void *p = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ring = p == MAP_FAILED ? NULL : p;
}

void hints_fork_done(bool child)
{
    if (!child || !ring)
        return;
    hints_wanted = true;
    read_to = __atomic_load_n(&ring->count, __ATOMIC_RELAXED);
}

void hints_tell(enum hint_kind kind, gaddr from, gaddr to, unsigned mode)
{
    if (!hints_wanted || (mode & ~(unsigned)MODE_GS_PLAIN)) /* flat code only */
        return;
    uint32_t n = __atomic_fetch_add(&ring->count, 1, __ATOMIC_RELAXED);
    ring->hint[n % RING] = (struct hint){from, to, (uint8_t)kind, (uint8_t)mode};
}

/* Has it been told before? */
static bool told_again(const struct hint *h)
{
    uint64_t v = ((uint64_t)h->from << 32 | h->to) + h->kind + h->mode * 8u;
    v *= UINT64_C(0x9e3779b97f4a7c15);
    uint16_t *s = seen[v >> (64 - SEEN_BITS)], tag = (uint16_t)(v >> 36 | 1);
    for (unsigned i = 0; i < SEEN_WAYS; i++)
        if (s[i] == tag)
            return true;
    memmove(s + 1, s, (SEEN_WAYS - 1) * sizeof *s);
    s[0] = tag;
    return false;
}

bool hints_take(struct hint *h, unsigned max, unsigned *taken)
{
    *taken = 0;
    if (!ring)
        return false;
    uint32_t count = __atomic_load_n(&ring->count, __ATOMIC_RELAXED);
    if (count - read_to > RING)
        read_to = count - RING;
    for (; read_to != count && *taken < max; read_to++) {
        h[*taken] = ring->hint[read_to % RING];
        *taken += told_again(&h[*taken]);
    }
    return read_to != count;
}
