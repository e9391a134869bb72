/* Blocks of predecoded instructions and the units of translated code made from them: what cache.c
 * and code.c share. Everything here is under the lock of cache.c unless said otherwise. */
#ifndef XRUN_RUNTIME_BLOCK_H
#define XRUN_RUNTIME_BLOCK_H

#include "decode/insn.h"
#include "runtime/runtime.h"

struct block_key {
    gaddr eip;
    uint32_t mode;
};

/* A direct edge is named by the block it leaves, which is aligned, plus its slot. */
typedef uintptr_t edge_t;

enum { INDIRECT_OFTEN = 4 };

struct block {
    struct block_key key;
    gaddr end;              /* behind the last code byte */
    uint32_t heat;          /* how often the interpreter entered */
    uint16_t n;             /* struct insn, including the end marker */
    uint16_t granules;      /* of this allocation */
    bool valid;
    uint8_t indirect;       /* how often an indirect jump came here by the dispatcher, up to INDIRECT_OFTEN: then
                             * the block is in the table of targets */
    bool light;             /* stands for translated code only: insn[0] is no instruction */
    insn_fn first_fn;       /* of insn[0], which holds another while there is code */
    union {
        edge_t next_in[2];  /* per outgoing edge: the next on the list of the block it leads to */
        struct { struct block *next; uint64_t epoch; } retired;
    };
    edge_t in;              /* edges that lead here */
    struct code_exit *code_in; /* exits of translated code that lead here */
    struct unit *unit;      /* that holds its code, NULL if none */
    uint8_t *code;          /* where to enter; translate_enter() finds it before insn[] */
    struct insn insn[];     /* n, then struct insn_links, then the code bytes [key.eip, end) */
};
static_assert(offsetof(struct block, code) + 8 == offsetof(struct block, insn), "translate_enter");

static inline struct block *block_of(const struct insn *first)
{
    return (struct block *)(uintptr_t)((const uint8_t *)first - offsetof(struct block, insn));
}

static inline struct insn_links *block_links(const struct block *b)
{
    return (struct insn_links *)(uintptr_t)&b->insn[b->n];
}

enum { LIGHT_INSN = offsetof(struct insn, op) }; /* so much of insn[0] a light block has; no links */

static inline const uint8_t *block_raw(const struct block *b)
{
    return b->light ? (const uint8_t *)b->insn + LIGHT_INSN : (const uint8_t *)(block_links(b) + 1);
}

/* The block that the edge leads to; NULL if it was never taken. */
static inline struct block *block_to(const struct block *b, int slot)
{
    const struct insn *to = block_links(b)->to[slot];
    return to ? block_of(to) : NULL;
}

/* blocks.c: where blocks lie, and how they are found. */
void blocks_init(void);
/* Memory for a block with so many bytes behind its struct, not cleared; NULL: there is none left before
 * blocks are freed. */
struct block *blocks_alloc(size_t bytes);
void blocks_free(struct block *b);
unsigned blocks_size(const struct block *b); /* bytes */
/* So much is in use, but for bytes that are retired, that some should be forgotten; all, since what is
 * left is in pieces. */
bool blocks_full(uint64_t retired_bytes);
bool blocks_exhausted(void);
/* Still above three quarters of that. */
bool blocks_crowded(uint64_t retired_bytes);
bool blocks_add(struct block *b); /* false: there is no room before blocks are freed */
void blocks_remove(const struct block *b);
struct block *cache_find(gaddr eip, unsigned mode);
bool blocks_decoded(gaddr eip); /* are there blocks in this page that are not light, perhaps? */
/* Calls retire, which must remove the block, for every block that has a byte in the page. It may run
 * in a signal handler: nothing is freed. */
void blocks_retire_page(uint32_t page, void (*retire)(struct block *b));
void blocks_retire_all(void (*retire)(struct block *b));
/* Somebody was killed while they were changed: there are none any more, but what threads may still
 * execute keeps its memory. */
void blocks_abandon(void);
void blocks_free_abandoned(void); /* nobody does */

/* Calls fn for every block. */
void blocks_each(void (*fn)(struct block *b));

/* cache.c */
/* The block will not be found again. */
void cache_retire(struct block *b);
/* A block whose instructions nobody decoded, NULL: there is no room. It goes with its unit. */
struct block *cache_light_block(gaddr eip, gaddr end, unsigned mode, const uint8_t *raw);
extern uint64_t cache_epoch; /* grows with everything retired */
/* The function of a block's first instruction while there is no code: counts, translates when hot. */
const struct insn *cache_count_entry(struct cpu *cpu, const struct insn *in);
/* The same while its unit is asleep. */
const struct insn *cache_wake_entry(struct cpu *cpu, const struct insn *in);

/* What was made since the start, for --profile. Times in ns, measured only then. */
struct code_profile {
    uint64_t blocks, decoded;            /* blocks and the instructions in them */
    uint64_t loaded, loaded_insns;       /* units from the store, and the instructions in them */
    uint64_t units, translated;          /* units and the instructions in them, */
    uint64_t guest_bytes, host_bytes, stub_bytes, fallbacks; /* their code, */
    uint64_t side_bytes;                 /* and tables that lead back to the instructions */
    uint64_t retired;                    /* blocks */
    uint64_t decode_ns, translate_ns;
};
extern struct code_profile profile;
uint64_t profile_clock(void); /* 0 without --profile */

/* code.c: units of translated code. */
#ifdef XRUN_SMALL_LIMITS
enum { CODE_HOT = 2 };
#else
enum { CODE_HOT = 16 }; /* --hot */
#endif
void code_reserve(void); /* first of all: codemem_reserve */
void code_init(void);
bool code_enabled(void);
/* Translates the region around a hot block: 0. If it lacks blocks that are about to be executed,
 * their addresses go into missing[] and nothing else is done: their number, at most `max`. */
unsigned code_translate(struct block *b, gaddr *missing, unsigned max);
struct stored;
/* Puts a stored unit in place, to be entered at `eip`. Of the members those that have a block keep
 * it. The blocks of which it is a copy, and those of instructions that it leaves to the interpreter,
 * must be there. */
bool code_load(const struct stored *s, gaddr eip);
/* The block of a member that has had none, if such a unit has been put in place; else NULL. */
struct block *code_load_member(gaddr eip, unsigned mode);
/* Translates what has not been hot enough, for the store only: for at most half of the time that the
 * process ran, the rest is left to its next run. */
void code_translate_rest(void);
/* The block will not be entered again: its unit goes with it. Async-signal-safe. */
void code_retire(struct block *b);
/* Frees units that were retired before `oldest`. */
void code_reclaim(uint64_t oldest);
/* See cache_misaligned. */
void code_misaligned(uintptr_t pc);
/* Links the exit that translated code left through to b; the exit may be stale. */
void code_link(struct code_exit *x, struct block *b);
/* An indirect jump led to b. */
void code_indirect(struct block *b);
/* Has the block code? It can be entered then. */
bool code_wake(struct block *b);
/* Are there retired units? */
bool code_retired(void);
/* As blocks_abandon, blocks_free_abandoned. */
void code_abandon(void);
void code_free_abandoned(void);
/* --stress-flush: retires some units, puts others to sleep. */
void code_disturb(void);

#endif
