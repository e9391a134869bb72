/* Status flags that translated code has left out, for who looks at the guest's state before they are
 * overwritten: see translate/recover.c. */
#include <string.h>

#include "runtime/store.h"
#include "runtime/unit.h"

enum { BEFORE = 32 }; /* instructions that are looked at */

/* The instructions of the unit's code up to the one at eip, the last BEFORE of them at least (fewer if there
 * are not so many), that one last; how many. */
static unsigned find_before(const struct unit *u, gaddr eip, gaddr *found)
{
    struct side s;
    unsigned n = 0;
    for (side_begin(u, &s); side_next(u, &s);) {
        if (n == 2 * BEFORE) {
            memmove(found, found + BEFORE, BEFORE * sizeof found[0]);
            n = BEFORE;
        }
        found[n++] = s.eip;
        if (s.eip == eip)
            return n;
    }
    return 0;
}

/* Of member i, which may have no block. */
static struct tr_range range_of(const struct unit *u, unsigned i)
{
    const struct block *b = __atomic_load_n(&u->member[i], __ATOMIC_ACQUIRE);
    if (b)
        return (struct tr_range){b->key.eip, b->end};
    struct stored_parts p = store_parts(u->stored);
    return (struct tr_range){p.member[i].eip, p.member[i].end};
}

/* The last instruction there; NULL: there is none. */
static const struct insn *last_insn(const struct unit *u, unsigned i)
{
    const struct block *b = __atomic_load_n(&u->member[i], __ATOMIC_ACQUIRE);
    if (b && !b->light)
        return &b->insn[b->n - 1];
    struct tr_range r = range_of(u, i);
    struct side s;
    gaddr last = r.from;
    for (side_begin(u, &s); side_next(u, &s);)
        if (s.eip - r.from < r.end - r.from && s.eip > last) /* some come again */
            last = s.eip;
    return unit_insn(u, last);
}

/* Control may come to one of the instructions in (from, to] from elsewhere than the one before. */
static bool is_led_to(const struct unit *u, gaddr from, gaddr to)
{
    for (unsigned i = 0; i < u->members; i++) {
        const struct insn *in = last_insn(u, i);
        bool jumps = in && (in->flags & INSN_END) && in->o[0].kind == OPND_REL;
        if (!in || (jumps && in->imm - from - 1 < to - from) || range_of(u, i).from - from - 1 < to - from)
            return true;
    }
    return false;
}

bool unit_flags(const struct unit *u, gaddr eip, struct cpu *cpu)
{
    gaddr found[2 * BEFORE];
    struct translate_trace t;
    struct insn writer;
    enum trace_found how = TRACE_ON;
    unsigned n = find_before(u, eip, found);
    const struct insn *in = n ? unit_insn(u, eip) : NULL;
    if (!in || !translate_trace_from(&t, in))
        return false;
    while (how == TRACE_ON) {
        gaddr next = found[--n];
        in = n ? unit_insn(u, found[n - 1]) : NULL;
        if (!in || in->next != next)
            return false;
        how = translate_trace_back(&t, in);
    }
    if (how == TRACE_LOST)
        return false;
    writer = *t.writer; /* unit_insn()'s may not last */
    t.writer = &writer;
    if (is_led_to(u, writer.eip, eip))
        return false;
    translate_trace_flags(cpu, &t);
    return true;
}
