/* Translated code may rely on code outside its region (struct translation's `looked`), and members may
 * have no block yet. What lies in a page of one of the unit's blocks is retired with that; the other
 * pages are listed here. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "runtime/region.h"
#include "runtime/store.h"
#include "runtime/unit.h"

enum { LISTS = 1 << 10 };

static LARGE_BSS struct code_look *lists[LISTS]; /* by page */

static uint32_t page_of(gaddr a)
{
    return a >> GUEST_PAGE_SHIFT;
}

/* ---- what was looked at ---- */

static bool in_member(const struct tr_range *r)
{
    for (unsigned i = 0; i < region.members; i++)
        if (r->from >= region.member[i]->key.eip && r->end <= region.member[i]->end)
            return true;
    return false;
}

static int by_address(const void *a, const void *b)
{
    gaddr x = ((const struct tr_range *)a)->from, y = ((const struct tr_range *)b)->from;
    return x < y ? -1 : x > y;
}

void looks_tidy(struct translation *t)
{
    unsigned n = 0;
    if (!t->looks)
        return;
    qsort(t->looked, t->looks, sizeof t->looked[0], by_address);
    for (unsigned i = 0; i < t->looks; i++) {
        const struct tr_range r = t->looked[i];
        if (in_member(&r))
            continue;
        struct tr_range *last = n ? &t->looked[n - 1] : NULL;
        if (last && r.from <= last->end && r.end - last->from <= GUEST_PAGE_SIZE)
            last->end = r.end > last->end ? r.end : last->end;
        else
            t->looked[n++] = r;
    }
    t->looks = n;
}

/* ---- units by page ---- */

static bool has_block_in(const struct unit *u, uint32_t page)
{
    for (unsigned i = 0; i < u->members; i++) {
        const struct block *b = u->member[i];
        if (b && (page == page_of(b->key.eip) || page == page_of(b->end - 1)))
            return true;
    }
    return false;
}

static struct {
    uint32_t page[2 * (TRANSLATE_LOOKS_MAX + REGION_BLOCKS)], n, known; /* the last one seen */
} found;

static void find_pages(const struct unit *u, gaddr from, gaddr end)
{
    if (likely(page_of(from) == found.known && page_of(end - 1) == found.known))
        return;
    for (uint32_t p = page_of(from); p <= page_of(end - 1); p++) {
        bool there = p == found.known;
        for (unsigned i = 0; i < found.n && !there; i++)
            there = found.page[i] == p;
        found.known = p;
        if (!there && !has_block_in(u, p))
            found.page[found.n++] = p;
    }
}

/* Pages without a block of the unit's, each once. */
static void find_all_pages(const struct unit *u, const struct translation *t)
{
    found.n = 0;
    found.known = page_of(unit_block(u)->key.eip);
    for (unsigned i = 0; i < t->looks; i++)
        find_pages(u, t->looked[i].from, t->looked[i].end);
    struct stored_parts p = u->stored ? store_parts(u->stored) : (struct stored_parts){0};
    for (unsigned i = 0; i < u->members; i++)
        if (!u->member[i])
            find_pages(u, p.member[i].eip, p.member[i].end);
}

void looks_attach(struct unit *u, const struct translation *t)
{
    find_all_pages(u, t);
    u->looks = (uint16_t)found.n;
    u->look = u->looks ? xcalloc(u->looks, sizeof u->look[0]) : NULL;
    for (unsigned i = 0; i < u->looks; i++) {
        struct code_look *l = &u->look[i], **list = &lists[found.page[i] % LISTS];
        *l = (struct code_look){.page = found.page[i], .unit = u, .next = *list, .link = list};
        if (*list)
            (*list)->link = &l->next;
        *list = l;
    }
}

void looks_detach(struct unit *u)
{
    for (unsigned i = 0; i < u->looks; i++) {
        struct code_look *l = &u->look[i];
        *l->link = l->next;
        if (l->next)
            l->next->link = l->link;
    }
    u->looks = 0;
}

void looks_retire_page(uint32_t page)
{
    struct code_look *l = lists[page % LISTS];
    while (l) {
        struct unit *u = l->unit;
        if (l->page == page) {
            unit_retire(u, true);
            l = lists[page % LISTS];
        } else {
            l = l->next;
        }
    }
}

void looks_abandon(void)
{
    memset(lists, 0, sizeof lists);
}
