/* Breakpoints and watchpoints; see breaks.h. A list is never changed once it can be seen, and freed
 * when it cannot be and nobody reads any. */
#include "core/breaks.h"

#include <stdlib.h>
#include <string.h>

#include "core/lock.h"
#include "core/log.h"

struct breaks {
    struct breaks *next; /* of breaks_old */
    unsigned n;
    gaddr at[]; /* ascending */
};

bool breaks_any, watches_any;
static struct breaks *breaks[BREAKS_KINDS];
static unsigned breaks_readers; /* one that was killed stays: then nothing is freed any more */
static struct lock breaks_lock; /* who sets any; and */
static struct breaks *breaks_old; /* what may still be read */
static struct watch watches[WATCHES_MAX];
static unsigned nwatches;

static int by_address(const void *a, const void *b)
{
    gaddr x = *(const gaddr *)a, y = *(const gaddr *)b;
    return x < y ? -1 : x > y;
}

static bool has(const struct breaks *b, gaddr eip)
{
    return b && bsearch(&eip, b->at, b->n, sizeof b->at[0], by_address);
}

bool breaks_has(enum breaks_of kind, gaddr eip)
{
    __atomic_fetch_add(&breaks_readers, 1, __ATOMIC_SEQ_CST);
    bool found = has(__atomic_load_n(&breaks[kind], __ATOMIC_SEQ_CST), eip);
    __atomic_fetch_sub(&breaks_readers, 1, __ATOMIC_SEQ_CST);
    return found;
}

bool breaks_find(gaddr eip)
{
    return breaks_has(BREAKS_DEBUGGER, eip) || breaks_has(BREAKS_REGISTERS, eip);
}

static struct breaks *sorted(const gaddr *at, unsigned n)
{
    struct breaks *b = xmalloc(sizeof *b + n * sizeof b->at[0]);
    b->n = n;
    memcpy(b->at, at, n * sizeof b->at[0]);
    qsort(b->at, n, sizeof b->at[0], by_address);
    return b;
}

/* Who begins to read from now on does not find any of them. */
static void free_old(void)
{
    if (__atomic_load_n(&breaks_readers, __ATOMIC_SEQ_CST))
        return;
    for (struct breaks *b = breaks_old, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    breaks_old = NULL;
}

void breaks_set(enum breaks_of kind, const gaddr *at, unsigned n, void (*changed)(gaddr at))
{
    struct breaks *new = n ? sorted(at, n) : NULL;
    lock_take(&breaks_lock);
    struct breaks *old = breaks[kind];
    __atomic_store_n(&breaks[kind], new, __ATOMIC_SEQ_CST);
    __atomic_store_n(&breaks_any, breaks[BREAKS_DEBUGGER] || breaks[BREAKS_REGISTERS], __ATOMIC_RELEASE);
    for (unsigned i = 0; i < n; i++)
        if (!has(old, new->at[i]))
            changed(new->at[i]);
    for (unsigned i = 0; old && i < old->n; i++)
        if (!has(new, old->at[i]))
            changed(old->at[i]);
    if (old) {
        old->next = breaks_old;
        breaks_old = old;
    }
    free_old();
    lock_release(&breaks_lock);
}

void breaks_forked(void)
{
    breaks_lock = (struct lock){0};
    breaks_readers = 0;
}

void watches_set(const struct watch *w, unsigned n)
{
    nwatches = n < WATCHES_MAX ? n : WATCHES_MAX;
    memcpy(watches, w, nwatches * sizeof watches[0]);
    __atomic_store_n(&watches_any, nwatches != 0, __ATOMIC_RELEASE);
}

const struct watch *watches_hit(gaddr addr, uint32_t len, bool write)
{
    for (unsigned i = 0; i < nwatches; i++) {
        const struct watch *w = &watches[i];
        bool kind = w->kind == WATCH_ACCESS || (w->kind == WATCH_WRITE) == write;
        /* as distances, for both may wrap */
        if (kind && (addr - w->addr < w->len || w->addr - addr < len))
            return w;
    }
    return NULL;
}
