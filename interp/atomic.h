/* Compare-and-swap on guest memory, any alignment. Aligned ones are the host's own; misaligned
 * ones that lie inside an aligned 8-byte word are done on that word; the rest (split locks) under
 * one global lock, atomic among themselves. x86-64 hosts do all of it in hardware. */
#ifndef XRUN_INTERP_ATOMIC_H
#define XRUN_INTERP_ATOMIC_H

#include "core/types.h"

/* If *a == old (zero-extended, `size` = 1, 2, 4, 8 bytes) stores `val`. Returns what was there. */
uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size);

#endif
