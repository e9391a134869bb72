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
