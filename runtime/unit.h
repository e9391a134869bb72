/* A unit: the code of one region, and what is known of it. Made, linked and retired by code.c under
 * the lock of cache.c. */
#ifndef XRUN_RUNTIME_UNIT_H
#define XRUN_RUNTIME_UNIT_H

#include "runtime/block.h"
#include "translate/translate.h"

struct code_exit {
    gaddr target;
    uint16_t field, stub;       /* offsets in the code: see translate_patch(); where it leads while not
                                 * linked. COPY: no exit, the unit's code is made of that block's, too */
    struct unit *unit;
    struct block *to;           /* linked to; changes are atomic for readers without the lock */
    struct code_exit *next_in;  /* on to->code_in */
};
static_assert(TRANSLATE_BYTES_MAX <= 1 << 16, "offsets");
enum { COPY = 0 }; /* as `stub`, which is never where the code begins */

/* The unit's code relies on guest code in that page, where none of its blocks lies. */
struct code_look {
    uint32_t page;
    struct unit *unit;
    struct code_look *next, **link; /* on the page's list */
};

struct unit {
    bool valid;
    bool asleep;                /* nothing leads here: who wants to enter wakes it up */
    uint16_t members, looks;
    uint32_t size, cold;        /* bytes; where the stubs begin */
    uint8_t *code;
    const uint8_t *side;        /* see side_encode() */
    const struct stored *stored; /* where that is; NULL: it is the unit's own */
    struct insn *fallback;      /* pairs: an instruction and the end of its one-instruction block */
    struct code_exit *exit;
    unsigned exits;
    struct code_look *look;
    unsigned armed;             /* trap.c: threads that are to stop in it, */
    uint8_t *saved;             /* the code without traps, */
    bool relink;                /* and it had such: jumps that are linked may lead to their stubs */
    struct unit *retired_next;
    uint64_t retired_epoch;
    struct block *member[];     /* they live longer than the unit; NULL: nobody has wanted to enter there
                                 * (only of one from the store: see struct stored_parts) */
};

/* A member that is there: there is always one. */
static inline const struct block *unit_block(const struct unit *u)
{
    unsigned i = 0;
    while (!u->member[i])
        i++;
    return u->member[i];
}

/* code.c, for codemem.c. Puts the unit to sleep to see whether anybody needs it. */
void unit_sleep(struct unit *u);
/* Nobody enters the unit any more. in_use: its blocks will be translated again at once. */
void unit_retire(struct unit *u, bool in_use);

/* The guest instruction at eip of which the unit has code; NULL: none. Async-signal-safe; valid until the
 * thread asks again. */
const struct insn *unit_insn(const struct unit *u, gaddr eip);

/* flags.c: the status flags before the instruction at eip -> cpu, if they follow from cpu's general registers.
 * False: they are as code has left them. Async-signal-safe. */
bool unit_flags(const struct unit *u, gaddr eip, struct cpu *cpu);

/* ---- side.c: which guest instruction a place in the code belongs to ---- */

/* Where one instruction's code lies, and the state at its start: see struct translation. */
struct side {
    gaddr eip;
    uint32_t from, to;          /* offsets in the code */
    int adjust;
    const uint8_t *next;        /* of the encoded form */
    gaddr next_eip;
    int next_adjust;
};

/* About one byte per instruction; valid until the next call. */
const uint8_t *side_encode(const struct translation *tr, size_t *bytes);
/* The instruction whose code holds offset `at` (s->from <= at < s->to; at least one does if `at` is not in
 * a stub). True if the state is complete there: that before the instruction at *complete, the last
 * such one if instructions without code begin there, too. Async-signal-safe. */
bool side_find(const struct unit *u, uint32_t at, struct side *s, gaddr *complete);
/* All of them in order: side_next() gives the first, then the following. False at the end. */
void side_begin(const struct unit *u, struct side *s);
bool side_next(const struct unit *u, struct side *s);

/* ---- looks.c: code outside the region that a unit relies on ---- */

/* Orders t->looked, and leaves out what the members of `region` hold. */
void looks_tidy(struct translation *t);
/* A unit made of `t`, tidy, has come to be; is retired. */
void looks_attach(struct unit *u, const struct translation *t);
void looks_detach(struct unit *u);
/* Code in the page changes. Nothing is freed: it may run in a signal handler. */
void looks_retire_page(uint32_t page);
void looks_abandon(void);

/* ---- trap.c: async-signal-safe ---- */

/* The thread, which executes the unit's code or is about to enter it, runs into a trap at the next
 * instruction that begins with a complete state. */
void trap_set(struct thread *t, struct unit *u);
/* It did, or left by itself. */
void trap_clear(struct thread *t);
/* Around a fork: no other thread is in the middle of that. */
void trap_fork_prepare(void);
void trap_fork_done(void);
/* translate_patch() of one of the unit's exits. */
void trap_patch(struct unit *u, uint8_t *field, const uint8_t *target);

#endif
