/* Segments of code memory, and which of them are emptied. */
#include "runtime/codemem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/options.h"
#include "core/populate.h"
#include "runtime/runtime.h"

#ifdef XRUN_SMALL_LIMITS
enum { CODE_BYTES = 512 << 10 };
#else
enum { CODE_BYTES = 96 << 20 };
#endif
enum {
    GRANULE = 64, SEGMENT_MIN = TRANSLATE_BYTES_MAX, SEGMENT_MAX = 1 << 20,
    SEGMENTS_MIN = 4, SEGMENTS_WANTED = 64, HUGE = 2 << 20, AT_ONCE = 32 << 10,
};

struct segment {
    bool used;           /* has units, or is about to */
    bool asleep;         /* all units that were in it were put to sleep */
    bool spared;         /* once already, since many had woken up */
    bool leaving;        /* all units retired: free when nobody is in them any more */
    bool abandoned;      /* the same, and what is known of them may be wrong */
    uint32_t top;        /* bytes handed out */
    uint32_t held, live; /* bytes of units not yet freed, not yet retired */
    uint64_t born;       /* age, by the clock below */
};

static uint8_t *base;
static size_t total, segment_size;
static struct unit **granule; /* unit by address */
static struct segment *segment, *current;
static unsigned nsegments;
static uint64_t clock_;
static uint8_t *populated; /* pages up to here are there, at least once */

/* ---- the mapping ---- */

static uint8_t *map_near(size_t size, int prot)
{
    enum { STEP = 16 << 20 };
    uintptr_t want = (translate_near() & ~(uintptr_t)(HUGE - 1)) + HUGE / 2, reach = translate_reach();
    for (uintptr_t d = STEP; d + size < reach; d += STEP)
        for (int up = 1; up >= 0; up--) {
            void *hint = (void *)(up ? want + d : want - d - size);
            void *p = mmap(hint, size, prot,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                           -1, 0);
            if (p == hint)
                return p;
            if (p != MAP_FAILED)
                munmap(p, size);
        }
    return NULL;
}

static size_t wanted_size(void)
{
    static const char *const units[] = {"", "K", "M", "G"};
    char *end;
    if (!opt.code_cache)
        return CODE_BYTES;
    unsigned long long n = strtoull(opt.code_cache, &end, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(units); i++)
        if (!strcmp(end, units[i]) && end != opt.code_cache && n < 1 << 20) {
            n <<= 10 * i;
            return n < SEGMENTS_MIN * SEGMENT_MIN ? SEGMENTS_MIN * SEGMENT_MIN : n;
        }
    log_die(126, "--code-cache=%s: want a size such as 64M", opt.code_cache);
}

static void divide(void)
{
    segment_size = SEGMENT_MIN;
    while (segment_size < SEGMENT_MAX && total / segment_size > SEGMENTS_WANTED)
        segment_size *= 2;
    nsegments = (unsigned)(total / segment_size);
    segment = xcalloc(nsegments, sizeof *segment);
    current = &segment[0];
    current->used = true;
}

static uint8_t *reserved;

void codemem_reserve(void)
{
    reserved = map_near(wanted_size(), PROT_NONE);
}

bool codemem_init(void)
{
    if (reserved)
        munmap(reserved, wanted_size());
    for (total = wanted_size(); !(base = map_near(total, PROT_READ | PROT_WRITE | PROT_EXEC)); total /= 2)
        if (total / 2 < SEGMENTS_MIN * SEGMENT_MIN)
            return false;
    size_t map = total / GRANULE * sizeof *granule;
    void *p = mmap(NULL, map, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED) {
        munmap(base, total);
        return false;
    }
    granule = p;
    populated = base;
    if (total > HUGE) /* most programs do with the first half of one */
        madvise(base + HUGE / 2, total - HUGE / 2, MADV_HUGEPAGE);
    divide();
    return true;
}

/* ---- units by address ---- */

static size_t rounded(size_t size)
{
    return (size + GRANULE - 1) / GRANULE * GRANULE;
}

static struct unit **granule_of(const uint8_t *p)
{
    return &granule[(size_t)(p - base) / GRANULE];
}

static struct segment *segment_of(const struct unit *u)
{
    return &segment[(size_t)(u->code - base) / segment_size];
}

bool codemem_contains(uintptr_t pc)
{
    return base && pc >= (uintptr_t)base && pc < (uintptr_t)base + total;
}

struct unit *codemem_find(uintptr_t pc)
{
    return codemem_contains(pc) ? *granule_of((const uint8_t *)pc) : NULL;
}

uintptr_t codemem_address(uint32_t low)
{
    return (uintptr_t)base + (low - (uint32_t)(uintptr_t)base);
}

static void each_in(const struct segment *s, void (*fn)(struct unit *))
{
    const uint8_t *p = base + (size_t)(s - segment) * segment_size, *end = p + s->top;
    while (p < end) {
        struct unit *u = *granule_of(p);
        p += u ? rounded(u->size) : GRANULE;
        if (u && u->valid)
            fn(u);
    }
}

void codemem_each(void (*fn)(struct unit *))
{
    for (unsigned i = 0; i < nsegments; i++)
        if (!segment[i].abandoned)
            each_in(&segment[i], fn);
}

/* ---- making room ---- */

/* The oldest segment with units that is not `asleep` or is. NULL: none. */
static struct segment *oldest(bool asleep)
{
    struct segment *best = NULL;
    for (struct segment *s = segment; s < segment + nsegments; s++)
        if (s->used && !s->leaving && s != current && s->asleep == asleep &&
            (!best || s->born < best->born))
            best = s;
    return best;
}

/* One with little in it but holes. */
static struct segment *sparse(void)
{
    for (struct segment *s = segment; s < segment + nsegments; s++)
        if (s->used && !s->leaving && s != current && s->live < segment_size / 8)
            return s;
    return NULL;
}

static unsigned count_asleep_or_free(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < nsegments; i++)
        n += !segment[i].used || segment[i].asleep || segment[i].leaving;
    return n;
}

static unsigned count_leaving_or_free(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < nsegments; i++)
        n += !segment[i].used || segment[i].leaving;
    return n;
}

static uint32_t awake_bytes;

static void count_awake(struct unit *u)
{
    awake_bytes += u->asleep ? 0 : u->size;
}

static void retire_asleep(struct unit *u)
{
    if (u->asleep)
        unit_retire(u, false);
}

static void retire(struct unit *u)
{
    unit_retire(u, !u->asleep);
}

/* Retires all of the segment; if many of its units are in use, only the others, but once only. */
static void evict(struct segment *s)
{
    awake_bytes = 0;
    each_in(s, count_awake);
    if (awake_bytes > segment_size / 4 && !s->spared) {
        each_in(s, retire_asleep);
        s->spared = true;
        s->asleep = false;
        s->born = ++clock_;
        return;
    }
    s->leaving = true;
    each_in(s, retire);
}

/* Keeps an eighth free and the oldest quarter under watch. */
static void make_room(void)
{
    struct segment *s;
    while (count_asleep_or_free() < nsegments / 4 + 1 && (s = oldest(false))) {
        each_in(s, unit_sleep);
        s->asleep = true;
    }
    bool any = false;
    while (count_leaving_or_free() < nsegments / 8 + 1) {
        s = sparse();
        if (!s)
            s = oldest(true);
        if (!s)
            s = oldest(false);
        if (!s)
            break;
        evict(s);
        any = true;
    }
    if (any)
        cache_hurry();
}

static void release(struct segment *s)
{
    bool was_current = s == current;
    *s = (struct segment){.used = was_current, .born = s->born};
}

static bool next_segment(void)
{
    struct segment *s = segment;
    while (s < segment + nsegments && s->used)
        s++;
    if (s == segment + nsegments) {
        cache_nudge();
        return false;
    }
    s->used = true;
    s->born = ++clock_;
    struct segment *old = current;
    current = s;
    if (!old->held)
        release(old);
    make_room();
    return true;
}

/* ---- units ---- */

/* A fault for each page would cost more; huge ones come with one. */
static void populate(const uint8_t *to)
{
    while (populated < to && populated < base + HUGE / 2) {
        populate_pages(populated, AT_ONCE);
        populated += AT_ONCE;
    }
}

bool codemem_alloc(struct unit *u)
{
    uint32_t n = (uint32_t)rounded(u->size);
    if (current->top + n > segment_size && !next_segment())
        return false;
    u->code = base + (size_t)(current - segment) * segment_size + current->top;
    current->top += n;
    current->held += n;
    current->live += n;
    populate(u->code + n);
    for (uint32_t at = 0; at < n; at += GRANULE)
        *granule_of(u->code + at) = u;
    return true;
}

void codemem_retired(const struct unit *u)
{
    segment_of(u)->live -= (uint32_t)rounded(u->size);
}

void codemem_free(const struct unit *u)
{
    struct segment *s = segment_of(u);
    uint32_t n = (uint32_t)rounded(u->size);
    for (uint32_t at = 0; at < n; at += GRANULE)
        *granule_of(u->code + at) = NULL;
    s->held -= n;
    if (!s->held)
        release(s);
}

void codemem_abandon(void)
{
    for (struct segment *s = segment; s < segment + nsegments; s++)
        if (s->used) {
            s->leaving = s->abandoned = true;
            s->top = s->held = s->live = (uint32_t)segment_size;
        }
}

void codemem_free_abandoned(void)
{
    for (struct segment *s = segment; s < segment + nsegments; s++)
        if (s->abandoned) {
            memset(granule_of(base + (size_t)(s - segment) * segment_size), 0,
                   segment_size / GRANULE * sizeof *granule);
            release(s);
        }
}
