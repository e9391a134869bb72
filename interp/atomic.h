/* Compare-and-swap on guest memory, any alignment. A host like x86 (XRUN_HOST_TSO) does all of it in
 * hardware. Elsewhere misaligned ones that lie inside an aligned 8-byte word are done on that word,
 * the rest (split locks) under one global lock, atomic among themselves only. */
#ifndef XRUN_INTERP_ATOMIC_H
#define XRUN_INTERP_ATOMIC_H

#include "core/types.h"

/* If *a == old (zero-extended, `size` = 1, 2, 4, 8 bytes) stores `val`. Returns what was there. */
uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size);

#endif
