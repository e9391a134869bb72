/* String instructions. */
#include "translate/aarch64/insn.h"

bool a64_string(struct emit *e, const struct tr_insn *t)
{
    (void)e, (void)t;
    return false;
}

/* Until they have files of their own. */

bool a64_x87(struct emit *e, const struct tr_insn *t)
{
    (void)e, (void)t;
    return false;
}
