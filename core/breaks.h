/* What a debugger watches for in this address space: breakpoints, which the guest's code does not show,
 * and watchpoints; and where threads' debug registers have breakpoints. Changed by runtime/ for a tracer; read
 * by any thread without a lock. */
#ifndef XRUN_CORE_BREAKS_H
#define XRUN_CORE_BREAKS_H

#include "core/types.h"

enum { BREAKS_MAX = 1024, WATCHES_MAX = 64 };
enum watch_kind { WATCH_WRITE = 2, WATCH_READ, WATCH_ACCESS }; /* as gdb numbers them */

struct watch {
    gaddr addr;
    uint32_t len, kind; /* enum watch_kind */
};

extern bool breaks_any, watches_any; /* relaxed */

enum breaks_of { BREAKS_DEBUGGER, BREAKS_REGISTERS, BREAKS_KINDS };

/* Whether there is a breakpoint, of any kind or of one. */
bool breaks_find(gaddr eip);
bool breaks_has(enum breaks_of kind, gaddr eip);
static inline bool breaks_at(gaddr eip)
{
    return unlikely(__atomic_load_n(&breaks_any, __ATOMIC_RELAXED)) && breaks_find(eip);
}

/* Makes these `n` breakpoints all there are of a kind. `changed` is called for each one that is new or gone. */
void breaks_set(enum breaks_of kind, const gaddr *at, unsigned n, void (*changed)(gaddr at));
/* In the child of a fork, where nobody else sets any. */
void breaks_forked(void);
void watches_set(const struct watch *w, unsigned n);
/* The watchpoint that an access of [addr, addr + len) triggers, NULL if none. */
const struct watch *watches_hit(gaddr addr, uint32_t len, bool write);

#endif
