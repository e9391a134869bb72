/* String instructions. */
#include "translate/aarch64/insn.h"

bool a64_string(struct emit *e, const struct tr_insn *t)
{
    (void)e, (void)t;
    return false;
}
