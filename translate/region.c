/* What the translators of all hosts need to know of a region. */
#include "translate/translate.h"

int translate_find(const struct translation *tr, gaddr eip)
{
    unsigned lo = 0, hi = tr->n;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (tr->insn[mid].in->eip < eip)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < tr->n && tr->insn[lo].in->eip == eip ? (int)lo : -1;
}

/* The first time is a change, and so is the second of a function that is bound when it is first called. */
enum { MOVED_MAX = 2 };

gaddr translate_guess(const struct insn *in)
{
    const struct insn_links *l = (const struct insn_links *)(in + 1);
    return __atomic_load_n(&l->moved, __ATOMIC_RELAXED) <= MOVED_MAX
               ? __atomic_load_n(&l->led_to, __ATOMIC_RELAXED) : 0;
}
