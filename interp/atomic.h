/* Compare-and-swap on guest memory, any alignment. A host like x86 (XRUN_HOST_TSO) does all of it in
 * hardware. Elsewhere:
 * - aligned: the host's own operation;
 * - inside an aligned block of 16 bytes: on that block, as a whole;
 * - across such a border (a split lock): word by word, each half with a host operation, under a lock
 *   that threads and forked processes share. No update is lost, whoever else works on either half
 *   and however; but for a moment others can see one half new and the other old. */
#ifndef XRUN_INTERP_ATOMIC_H
#define XRUN_INTERP_ATOMIC_H

#include "core/types.h"

/* If *a == old (zero-extended, `size` = 1, 2, 4, 8 bytes) stores `val`. Returns what was there. */
uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size);
/* Before the first fork: makes the lock of split operations. */
void atomic_init(void);

#endif
