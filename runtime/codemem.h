/* Memory of translated code: one private mapping near xrun's own text, writable and executable at
 * the same time (a guest cannot name an address above 4 GiB, and a private mapping is the only kind
 * that fork copies: a shared one, mapped twice, would let parent and child patch each other's code).
 * It is divided into segments, which are filled one after the other. When they run short, the units
 * of the oldest are put to sleep; those that nobody has woken up when space is needed are retired.
 * Under the lock of cache.c unless said otherwise. */
#ifndef XRUN_RUNTIME_CODEMEM_H
#define XRUN_RUNTIME_CODEMEM_H

#include "runtime/unit.h"

/* Before other memory is mapped, which the host may put near xrun: keeps a place there. */
void codemem_reserve(void);
/* False: the host gives no such memory. */
bool codemem_init(void);
/* Finds a place of u->size bytes: u->code. False if there is none at the moment. */
bool codemem_alloc(struct unit *u);
/* The unit is no longer valid: its segment is emptied the sooner. */
void codemem_retired(const struct unit *u);
/* Nobody is in its code any more. */
void codemem_free(const struct unit *u);
/* Calls fn for every valid unit. */
void codemem_each(void (*fn)(struct unit *));

/* Async-signal-safe: is this host address in code memory; the unit there, NULL if none. */
bool codemem_contains(uintptr_t pc);
struct unit *codemem_find(uintptr_t pc);
/* The host address in code memory with these low 32 bits (there is one at most). */
uintptr_t codemem_address(uint32_t low);

/* As blocks_abandon, blocks_free_abandoned. */
void codemem_abandon(void);
void codemem_free_abandoned(void);

#endif
