/* Writing x86-64 machine code: bytes, ModRM forms, labels of one translation. */
#ifndef XRUN_TRANSLATE_X86_64_EMIT_H
#define XRUN_TRANSLATE_X86_64_EMIT_H

#include <string.h>

#include "regalloc/x86_64.h"
#include "translate/translate.h"

/* One pass over a region. The first assumes far jumps everywhere; the second knows from it which
 * distances are short. */
struct emit {
    struct translation *tr;
    uint8_t *p;
    bool x87;             /* the region uses the x87 unit, */
    bool ymm;             /* the upper halves of ymm0-7, */
    bool zmm;             /* those of zmm0-7 and k0-7 */
    const uint32_t *prev; /* offsets of the previous pass, NULL in the first */
    unsigned index;       /* of the instruction that is emitted, */
    unsigned within;      /* and of the one to whose code that belongs: another if it is emitted once more */
    int esp;              /* the guest's esp is r15 plus this */
    bool *stale;          /* by instruction: begins with flags that nobody sees */
    const bool *leader;   /* likewise: control may come from elsewhere than the one before */
};

static inline uint32_t emit_off(const struct emit *e) { return (uint32_t)(e->p - e->tr->code); }

static inline void e8(struct emit *e, unsigned b) { *e->p++ = (uint8_t)b; }
static inline void e32(struct emit *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}
static inline void e64(struct emit *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}
static inline void ebytes(struct emit *e, const uint8_t *b, size_t n)
{
    memcpy(e->p, b, n);
    e->p += n;
}

/* A memory operand of the host: [base + index << scale + disp]; base or index X64_NONE. addr32:
 * the sum wraps at 4 GiB. */
enum { X64_NONE = 16 };
struct x64_mem {
    uint8_t base, index, scale;
    bool addr32;
    int32_t disp;
};

/* Opcode description: mandatory or operand-size prefixes, map, opcode. */
enum x64_map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A };
struct x64_op {
    uint8_t p66, rep;  /* 0x66 or 0; 0xf2, 0xf3 or 0 */
    uint8_t lock;      /* 0xf0 or 0 */
    uint8_t w;         /* REX.W */
    uint8_t map, opcode;
    bool high8;        /* an operand is AH CH DH BH: no REX allowed */
};

/* reg, r/m forms; false if REX would be needed but is not allowed. */
bool x64_rr(struct emit *e, struct x64_op op, unsigned reg, unsigned rm);
bool x64_rm(struct emit *e, struct x64_op op, unsigned reg, struct x64_mem m);

/* The same with a VEX prefix: pp, map, W, L and vvvv (a register number) as it encodes them. */
struct x64_vex {
    uint8_t pp, map, w, l, vvvv, opcode;
};
void x64_vex_rr(struct emit *e, struct x64_vex v, unsigned reg, unsigned rm);
void x64_vex_rm(struct emit *e, struct x64_vex v, unsigned reg, struct x64_mem m);
void x64_vex_none(struct emit *e, struct x64_vex v); /* no operands */

/* The same with an EVEX prefix; `masking` is its last byte (z, L'L, b, aaa). */
struct x64_evex {
    uint8_t pp, map, w, vvvv, masking, opcode;
};
void x64_evex_rr(struct emit *e, struct x64_evex v, unsigned reg, unsigned rm);
void x64_evex_rm(struct emit *e, struct x64_evex v, unsigned reg, struct x64_mem m);

/* Common instructions. */
void x64_mov_rr(struct emit *e, unsigned dst, unsigned src);        /* 32 bits */
void x64_mov_ri(struct emit *e, unsigned dst, uint32_t imm);
void x64_load(struct emit *e, unsigned dst, struct x64_mem m);      /* 32 bits */
void x64_load64(struct emit *e, unsigned dst, struct x64_mem m);
void x64_store(struct emit *e, struct x64_mem m, unsigned src);
void x64_store64(struct emit *e, struct x64_mem m, unsigned src);
void x64_store_imm(struct emit *e, struct x64_mem m, uint32_t imm);
void x64_lea(struct emit *e, unsigned dst, struct x64_mem m);       /* 32 bits */
void x64_lea64(struct emit *e, unsigned dst, struct x64_mem m);

static inline struct x64_mem x64_at(unsigned base, int32_t disp)
{
    return (struct x64_mem){.base = (uint8_t)base, .index = X64_NONE, .disp = disp};
}
static inline struct x64_mem x64_cpu(size_t offset)
{
    return x64_at(X64_CPU, (int32_t)offset);
}

/* What fields of the code hold an absolute address (struct tr_reloc). */
enum { X64_REL32, X64_ABS64 };
/* rel32 of a jump or call (opcode already written) to an absolute host address. */
void x64_rel32(struct emit *e, const void *target);

#endif
