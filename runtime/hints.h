/* What a parent learns from its forked children: which code they decoded, translated and linked that
 * it had not. A parent that forks again and again (a shell) does that once before a fork instead
 * of every child for itself, which also saves them copying the pages it is written to. Only hints: each
 * process makes everything of its own memory, and nothing is wrong if a hint is. */
#ifndef XRUN_RUNTIME_HINTS_H
#define XRUN_RUNTIME_HINTS_H

#include "core/types.h"

enum hint_kind {
    HINT_NONE,
    HINT_BLOCK,           /* a block at `from`, */
    HINT_INDIRECT,        /* that an indirect jump led to, */
    HINT_ENTERED,         /* that the interpreter entered */
    HINT_EDGE0, HINT_EDGE1, /* its edge to the block at `to` */
    HINT_EXIT,            /* the same of its translated code */
};

struct hint {
    gaddr from, to;
    uint8_t kind, mode;
};

/* Before the first fork of a process, and behind each. */
void hints_init(void);
void hints_fork_done(bool child);
extern bool hints_wanted; /* there are ancestors */
/* Tells them, if there are any. */
void hints_tell(enum hint_kind kind, gaddr from, gaddr to, unsigned mode);
/* What descendants told since the last time: up to `max` hints that were given twice. False: that is
 * all. */
bool hints_take(struct hint *h, unsigned max, unsigned *taken);

#endif
