/* What live.c and owed.c find out about a region before code is written for it: where control goes,
 * which flags are read later, which need not be made because they follow from registers. For
 * translate.c. */
#ifndef XRUN_TRANSLATE_AARCH64_LIVE_H
#define XRUN_TRANSLATE_AARCH64_LIVE_H

#include "translate/aarch64/insn.h"

struct a64_flow {
    int16_t next, target; /* instructions of the region that may follow, -1: none */
    int16_t landing;      /* where a call returns to, -1: outside the region (or no call) */
    uint8_t reads, kills;
    uint8_t outside;  /* flags that may be read behind it outside the region */
    uint8_t returned; /* the same, where a call returns to */
};
extern struct a64_flow a64_flow[TRANSLATE_INSN_MAX];
extern bool a64_joined[TRANSLATE_INSN_MAX];
extern bool a64_leader[TRANSLATE_INSN_MAX]; /* jumped to, or entered, from elsewhere */
extern uint8_t a64_live_in[TRANSLATE_INSN_MAX], a64_live_out[TRANSLATE_INSN_MAX];

enum { A64_SHORT = 255 }; /* in a region of so many instructions TBZ reaches everything: 32 KiB */

/* Fills all of it. */
void a64_find_live(struct translation *tr);
/* Flags that may be read where call i returns to. */
unsigned a64_live_at_landing(unsigned i);
/* A call that only loads a register with its return address. */
bool a64_is_thunk(const struct translation *tr, unsigned i);

/* ---- Flags that a return owes (owed.c) ----
 * Nobody reads flags behind a return; but where the caller is not known that cannot be relied on.
 * So a call tells in its pair if where it returns to reads some (A64_PAIR_FLAGS_BIT): then the
 * return finds that the pair is not its own, as in all other cases where it cannot rely on the
 * caller, and makes the flags on that way. What they follow from is found out here: a64_owed[i]
 * says what state holds at the start of instruction i, in struct translation's `adjust`; 0: none.
 *
 * An indirect jump finds in the address of the target's code whether that may read flags: where
 * code may be entered that reads some, the address has A64_READS_FLAGS set. (Where it reads none it
 * mostly has not, which takes a NOP where nothing falls through.) */
enum { A64_READS_FLAGS = 2 /* the bit */ };
extern int32_t a64_owed[TRANSLATE_INSN_MAX];
/* Whether the flags of the return or indirect jump can be made later; then a64_owed is set for it
 * and what precedes it. */
bool a64_find_owed(const struct translation *tr, unsigned ret);
/* Makes them, FORM_SUB; `popped`: bytes that esp is above what it was at the start of the
 * instruction for which a64_owed says `owed`. Keeps A64_TMP0, A64_TARGET and A64_LR. */
void a64_pay(struct emit *e, int32_t owed, uint32_t popped);
/* The same for an interrupted context's registers; returns N, Z, C, V as in NZCV. */
uint32_t a64_pay_context(unsigned long long *x, int owed);

#endif
