/* Where blocks lie, and the index that finds them. Blocks lie in one reserved mapping, so that 32
 * bits name one; huge pages are asked for, as filling it page by page would cost more than decoding,
 * but not for the first: clearing it would cost a small program more than its decoding.
 * The index is a hash table per page of guest code: what is executed together is found together, and
 * a child process that decodes a little writes to little. All under the lock of cache.c. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/populate.h"
#include "runtime/block.h"

#ifdef XRUN_SMALL_LIMITS
enum { USE_MAX = 512 << 10 };
#else
enum { USE_MAX = 128 << 20 };
#endif
enum {
    ARENA = 256 << 20, ARENA_MIN = 1 << 20, HUGE = 2 << 20, STEP_MIN = 32 << 10, STEP_MAX = 256 << 10,
    GRANULE = 16, GRANULES_MAX = 512, /* of the longest block */
    INDEX = 64 << 20, SLOTS_MIN = 8,
    ID_BITS = 24,
};
static_assert(ARENA / GRANULE == 1 << ID_BITS, "an id names every granule");
enum { GONE = 1, FIRST_ID = 2 }; /* in a slot: deleted; no block has such an id, as its other bits may be 0 */

/* ---- memory ---- */

static uint8_t *arena, *arena_top, *arena_end, *populated, *arena_map; /* the mapping it lies in */
static struct block *bins[GRANULES_MAX]; /* free pieces by size, linked by retired.next */
static uint64_t in_use;                  /* bytes */
static bool exhausted;

static void *reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void arena_start(void)
{
    memset(bins, 0, sizeof bins);
    arena_top = arena + FIRST_ID * GRANULE;
}

/* Blocks lie in this mapping from now on. */
static void arena_use(uint8_t *map, size_t size)
{
    arena = arena_map = map;
    arena_end = map + size;
    if (size > 2 * HUGE) {
        arena += -(uintptr_t)arena & (HUGE - 1);
        madvise(arena + HUGE, (size_t)(arena_end - arena) - HUGE, MADV_HUGEPAGE);
    }
    populated = arena;
    arena_start();
}

static void arena_init(size_t size)
{
    uint8_t *map;
    while (!(map = reserve(size)) && size > ARENA_MIN)
        size /= 2;
    if (!map)
        log_die(126, "no memory for decoded instructions");
    arena_use(map, size);
}

/* Pages are asked for some at a time: a fault for each would cost more than decoding what it holds. */
static void populate(void)
{
    while (populated < arena_top && populated < arena_end) {
        size_t n = ((size_t)(populated - arena) / 4 & ~(size_t)GUEST_PAGE_MASK) + STEP_MIN;
        n = n < STEP_MAX ? n : STEP_MAX;
        n = n < (size_t)(arena_end - populated) ? n : (size_t)(arena_end - populated);
        populate_pages(populated, n);
        populated += n;
    }
}

struct block *blocks_alloc(size_t bytes)
{
    unsigned g = (unsigned)((sizeof(struct block) + bytes + GRANULE - 1) / GRANULE);
    struct block *b = bins[g];
    if (b) {
        bins[g] = b->retired.next;
    } else if ((size_t)(arena_end - arena_top) >= (size_t)g * GRANULE) {
        b = (struct block *)(void *)arena_top;
        arena_top += (size_t)g * GRANULE;
        if (unlikely(arena_top > populated))
            populate();
    } else {
        exhausted = true;
        return NULL;
    }
    in_use += (size_t)g * GRANULE;
    b->granules = (uint16_t)g;
    return b;
}

void blocks_free(struct block *b)
{
    unsigned g = b->granules;
    b->retired.next = bins[g];
    bins[g] = b;
    in_use -= (size_t)g * GRANULE;
    if (!in_use) /* start afresh, whole */
        arena_start();
}

unsigned blocks_size(const struct block *b)
{
    return b->granules * GRANULE;
}

static uint64_t use_max(void)
{
    uint64_t half = (uint64_t)(arena_end - arena) / 2;
    return half < USE_MAX ? half : USE_MAX;
}

bool blocks_full(uint64_t retired_bytes)
{
    return in_use - retired_bytes > use_max();
}

bool blocks_crowded(uint64_t retired_bytes)
{
    return in_use - retired_bytes > use_max() / 4 * 3;
}

bool blocks_exhausted(void)
{
    bool was = exhausted;
    exhausted = false;
    return was;
}

static uint32_t id_of(const struct block *b)
{
    return (uint32_t)(((const uint8_t *)b - arena) / GRANULE);
}

static struct block *block_at(uint32_t id)
{
    return (struct block *)(void *)(arena + (size_t)id * GRANULE);
}

/* ---- the index ---- */

/* Slots are 0 (never used), GONE, or a block's id with some bits of its address above. */
struct page_index {
    uint32_t bits, used;  /* slots: 1 << bits; used: with those deleted */
    uint32_t decoded;     /* there may be blocks that are not light */
    uint32_t next_free;   /* of a free piece */
    uint32_t slot[];
};

enum { UNIT = 4, BITS_MIN = 4, BITS_MAX = 18 };
static uint32_t *index_base, index_top = 1, index_end, free_indexes[BITS_MAX + 1];
static LARGE_BSS uint32_t index_of_page[1u << 20]; /* where its struct page_index is, in units; 0: none */
static uint32_t *pages, npages;          /* that have one */

static struct page_index *index_at(uint32_t number)
{
    return (struct page_index *)(void *)(index_base + number);
}

/* 0: no room. */
static uint32_t index_new(unsigned bits)
{
    uint32_t number = free_indexes[bits], units = sizeof(struct page_index) / UNIT + (1u << bits);
    if (number) {
        free_indexes[bits] = index_at(number)->next_free;
    } else {
        if (units > index_end - index_top) {
            exhausted = true;
            return 0;
        }
        number = index_top;
        index_top += units;
    }
    struct page_index *x = index_at(number);
    memset(x, 0, units * UNIT);
    x->bits = bits;
    return number;
}

static uint32_t tag_of(struct block_key k)
{
    return (k.eip ^ k.mode << 4) << ID_BITS;
}

static uint32_t *first_slot(struct page_index *x, struct block_key k)
{
    uint32_t h = ((k.eip & GUEST_PAGE_MASK) ^ k.mode << 12) * 0x9e3779b1u;
    return &x->slot[h >> (32 - x->bits)];
}

static uint32_t *next_slot(struct page_index *x, uint32_t *s)
{
    return ++s == &x->slot[1u << x->bits] ? x->slot : s;
}

static struct block *block_in(uint32_t slot)
{
    return block_at(slot & ((1u << ID_BITS) - 1));
}

static void put(struct page_index *x, const struct block *b)
{
    uint32_t *s = first_slot(x, b->key);
    while (*s > GONE)
        s = next_slot(x, s);
    x->used += !*s;
    x->decoded |= !b->light;
    *s = id_of(b) | tag_of(b->key);
}

/* Makes a table with room for another block, and without what was deleted. */
static bool index_grow(uint32_t page)
{
    uint32_t old = index_of_page[page], live = 0;
    struct page_index *x = index_at(old);
    for (uint32_t i = 0; i < 1u << x->bits; i++)
        live += x->slot[i] > GONE;
    unsigned bits = BITS_MIN;
    while (live * 3 >= 1u << bits && bits < BITS_MAX)
        bits++;
    uint32_t number = index_new(bits);
    if (!number)
        return false;
    index_of_page[page] = number;
    for (uint32_t i = 0; i < 1u << x->bits; i++)
        if (x->slot[i] > GONE)
            put(index_at(number), block_in(x->slot[i]));
    x->next_free = free_indexes[x->bits];
    free_indexes[x->bits] = old;
    return true;
}

static bool add_to_page(const struct block *b, uint32_t page)
{
    enum { PAGES_STEP = 1024 };
    if (!index_of_page[page]) {
        uint32_t number = index_new(BITS_MIN);
        if (!number)
            return false;
        if (npages % PAGES_STEP == 0)
            pages = xrealloc(pages, (npages + PAGES_STEP) * sizeof *pages);
        pages[npages++] = page;
        index_of_page[page] = number;
    } else {
        const struct page_index *x = index_at(index_of_page[page]);
        if (x->used * 2 >= 1u << x->bits && !index_grow(page))
            return false;
    }
    put(index_at(index_of_page[page]), b);
    return true;
}

static uint32_t first_page(const struct block *b)
{
    return b->key.eip >> GUEST_PAGE_SHIFT;
}

static uint32_t last_page(const struct block *b)
{
    return (b->end - 1) >> GUEST_PAGE_SHIFT;
}

struct block *cache_find(gaddr eip, unsigned mode)
{
    struct block_key k = {eip, mode};
    uint32_t number = index_of_page[eip >> GUEST_PAGE_SHIFT];
    if (!number)
        return NULL;
    struct page_index *x = index_at(number);
    for (uint32_t *s = first_slot(x, k), tag = tag_of(k); *s; s = next_slot(x, s)) {
        if (((*s ^ tag) >> ID_BITS) != 0 || *s <= GONE)
            continue;
        struct block *b = block_in(*s);
        if (b->key.eip == eip && b->key.mode == mode)
            return b;
    }
    return NULL;
}

bool blocks_decoded(gaddr eip)
{
    uint32_t number = index_of_page[eip >> GUEST_PAGE_SHIFT];
    return number && index_at(number)->decoded;
}

static void remove_from_page(const struct block *b, uint32_t page)
{
    uint32_t number = index_of_page[page];
    if (!number)
        return;
    struct page_index *x = index_at(number);
    for (uint32_t *s = first_slot(x, b->key); *s; s = next_slot(x, s))
        if (*s > GONE && block_in(*s) == b) {
            *s = GONE;
            return;
        }
}

bool blocks_add(struct block *b)
{
    if (!add_to_page(b, first_page(b)))
        return false;
    if (last_page(b) == first_page(b) || add_to_page(b, last_page(b)))
        return true; /* in the second page to be forgotten with it; nobody looks there for it */
    remove_from_page(b, first_page(b));
    return false;
}

void blocks_remove(const struct block *b)
{
    remove_from_page(b, first_page(b));
    if (last_page(b) != first_page(b))
        remove_from_page(b, last_page(b));
}

void blocks_retire_page(uint32_t page, void (*retire)(struct block *b))
{
    uint32_t number = index_of_page[page];
    if (!number)
        return;
    struct page_index *x = index_at(number);
    for (uint32_t i = 0; i < 1u << x->bits; i++)
        if (x->slot[i] > GONE)
            retire(block_in(x->slot[i]));
    memset(x->slot, 0, sizeof x->slot[0] << x->bits);
    x->used = 0;
}

void blocks_each(void (*fn)(struct block *b))
{
    for (uint32_t i = 0; i < npages; i++) {
        struct page_index *x = index_at(index_of_page[pages[i]]);
        for (uint32_t k = 0; k < 1u << x->bits; k++)
            if (x->slot[k] > GONE && first_page(block_in(x->slot[k])) == pages[i])
                fn(block_in(x->slot[k]));
    }
}

void blocks_retire_all(void (*retire)(struct block *b))
{
    for (uint32_t i = 0; i < npages; i++) {
        blocks_retire_page(pages[i], retire);
        index_of_page[pages[i]] = 0;
    }
    npages = 0;
    index_top = 1;
    memset(free_indexes, 0, sizeof free_indexes);
}

/* ---- starting again ---- */

enum { ABANDONED_MAX = 16 };
static struct { uint8_t *map, *end; } abandoned[ABANDONED_MAX];
static unsigned nabandoned;

/* If there is no memory for another, what lies in this one is lost. */
static void arena_abandon(void)
{
    size_t size = (size_t)(arena_end - arena_map);
    uint8_t *map = nabandoned < ABANDONED_MAX ? reserve(size) : NULL;
    memset(bins, 0, sizeof bins);
    if (!map)
        return;
    abandoned[nabandoned].map = arena_map;
    abandoned[nabandoned++].end = arena_end;
    in_use = 0;
    arena_use(map, size);
}

void blocks_abandon(void)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(index_of_page); i++)
        if (index_of_page[i])
            index_of_page[i] = 0;
    npages = 0;
    pages = NULL; /* it may have been on the move */
    index_top = 1;
    memset(free_indexes, 0, sizeof free_indexes);
    arena_abandon();
}

void blocks_free_abandoned(void)
{
    while (nabandoned) {
        nabandoned--;
        munmap(abandoned[nabandoned].map, (size_t)(abandoned[nabandoned].end - abandoned[nabandoned].map));
    }
}

/* An eighth of what the host allows, if that is less than is wanted. */
static size_t allowed(int which, size_t wanted)
{
    struct rlimit l;
    if (getrlimit(which, &l) || l.rlim_cur / 8 >= wanted)
        return wanted;
    return l.rlim_cur / 8 > ARENA_MIN ? l.rlim_cur / 8 & ~(size_t)GUEST_PAGE_MASK : ARENA_MIN;
}

void blocks_init(void)
{
    size_t most = allowed(RLIMIT_DATA, allowed(RLIMIT_AS, ARENA)), index = most < ARENA ? most / 8 : INDEX;
    arena_init(most);
    while (!(index_base = reserve(index)) && index > ARENA_MIN / 8)
        index /= 2;
    if (!index_base)
        log_die(126, "no memory for the index of decoded instructions");
    index_end = (uint32_t)(index / UNIT);
}
