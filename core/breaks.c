/* Breakpoints and watchpoints; see breaks.h. A list is never changed once it can be seen. It is freed when
 * the next but one takes its place: a thread that reads does not take that long. */
#include "core/breaks.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct breaks {
    unsigned n;
    gaddr at[BREAKS_MAX]; /* ascending */
};

bool breaks_any, watches_any;
static struct breaks *breaks, *breaks_before;
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

bool breaks_find(gaddr eip)
{
    return has(__atomic_load_n(&breaks, __ATOMIC_ACQUIRE), eip);
}

void breaks_set(const gaddr *at, unsigned n, void (*changed)(gaddr at))
{
    struct breaks *old = breaks, *new = xmalloc(sizeof *new);
    new->n = n < BREAKS_MAX ? n : BREAKS_MAX;
    memcpy(new->at, at, new->n * sizeof new->at[0]);
    qsort(new->at, new->n, sizeof new->at[0], by_address);
    __atomic_store_n(&breaks, new, __ATOMIC_RELEASE);
    __atomic_store_n(&breaks_any, new->n != 0, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < new->n; i++)
        if (!has(old, new->at[i]))
            changed(new->at[i]);
    for (unsigned i = 0; old && i < old->n; i++)
        if (!has(new, old->at[i]))
            changed(old->at[i]);
    free(breaks_before);
    breaks_before = old;
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
