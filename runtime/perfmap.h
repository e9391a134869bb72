/* --perf-map, --jitdump and --gdb: tells perf and gdb which of the guest's functions host code belongs to. */
#ifndef XRUN_RUNTIME_PERFMAP_H
#define XRUN_RUNTIME_PERFMAP_H

#include "runtime/unit.h"

/* A unit has been put in place; its memory is free again. Under the lock of cache.c. */
void perfmap_add(const struct unit *u, const struct translation *tr);
void perfmap_remove(const struct unit *u);
/* Tells what was added. Without that lock, since it looks at the guest's mappings. */
void perfmap_flush(void);
/* In a child of fork. */
void perfmap_forked(void);

#endif
