/* Which blocks are translated together: a hot one and those it is known to lead to, in address
 * order. One region at a time, under the lock of cache.c. */
#ifndef XRUN_RUNTIME_REGION_H
#define XRUN_RUNTIME_REGION_H

#include "runtime/block.h"
#include "translate/translate.h"

#ifdef XRUN_SMALL_LIMITS
enum { REGION_BLOCKS = 3 };
#else
enum { REGION_BLOCKS = 48 };
#endif

struct region {
    struct tr_insn insn[TRANSLATE_INSN_MAX]; /* sorted by eip, each eip once */
    unsigned n;
    struct block *member[REGION_BLOCKS];     /* every instruction is one of theirs */
    unsigned members;
};
extern struct region region;

/* Chooses the region around b. Addresses behind calls in it that have no block yet, but are about
 * to be executed, go into missing[]: their number, at most `max`. */
unsigned region_choose(struct block *b, gaddr *missing, unsigned max);
/* The same of code that is seldom executed, with the functions it calls: fewer units, fewer exits. */
void region_choose_cold(struct block *b);

#endif
