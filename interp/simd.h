/* What the MMX/SSE files share. MMX and SSE forms of an operation are one function on 8 or 16
 * bytes. */
#ifndef XRUN_INTERP_SIMD_H
#define XRUN_INTERP_SIMD_H

#include "core/fp.h"
#include "interp/priv.h"

/* d = d op s on n (8 or 16) bytes; imm is the instruction's. */
typedef void (*lane_fn)(union xmm *d, const union xmm *s, unsigned n, uint32_t imm);

/* The integer, shuffle and logic operations; NULL if `op` is none of them. */
lane_fn simd_lane(unsigned op);
/* SSE4.2 strings, AES, CLMUL, SHA. */
lane_fn simd_crypto(unsigned op);
insn_fn simd_bind_float(const struct insn *in);
insn_fn simd_bind_move(const struct insn *in);
insn_fn simd_bind_string(const struct insn *in);

/* MMX instructions: a pending x87 exception first, then TOP = 0 and all tags valid. */
void mmx_begin(struct cpu *c, const struct insn *in);
void mmx_write(struct cpu *c, unsigned r, uint64_t v);

/* Address of a memory operand that must be 16-byte aligned: that is checked before the segment's
 * limit. */
static inline gaddr simd_ea(struct cpu *c, const struct insn *in, uint32_t size, bool write)
{
    c->cur = in;
    if (unlikely((ea_offset(c, in) + c->seg_base[in->seg]) & 15))
        cpu_fault_gp(c, 0);
    return ea(c, in, size, write);
}

/* Operand n as up to 16 bytes, zero-filled; a 16-byte memory operand must be aligned unless
 * `unaligned`. */
static inline union xmm simd_read(struct cpu *c, const struct insn *in, unsigned n, bool unaligned)
{
    const struct opnd *o = &in->o[n];
    union xmm v = {.q = {0, 0}};
    if (o->kind == OPND_XMM)
        return c->xmm[o->reg];
    if (o->kind == OPND_MM) {
        v.q[0] = c->fpu.st[o->reg].sig;
        return v;
    }
    if (o->kind == OPND_GPR) {
        v.d[0] = c->gpr[o->reg];
        return v;
    }
    gaddr a = o->size == 16 && !unaligned ? simd_ea(c, in, 16, false)
                                          : ea(c, in, o->size, false);
    switch (o->size) {
    case 16:
        v.q[0] = ld64(a);
        v.q[1] = ld64(a + 8);
        break;
    case 8: v.q[0] = ld64(a); break;
    case 4: v.d[0] = ld32(a); break;
    case 2: v.w[0] = ld16(a); break;
    default: v.b[0] = ld8(a); break;
    }
    return v;
}

/* ---- floating point ---- */

enum { SIMD_PRE = FP_IE | FP_DE | FP_ZE, MXCSR_DAZ = 1 << 6, MXCSR_FTZ = 1 << 15 };

static inline struct fp_env simd_env(const struct cpu *c)
{
    uint32_t m = c->mxcsr;
    return (struct fp_env){.round = m >> 13 & 3, .mask = m >> 7 & FP_ALL,
                           .daz = !!(m & MXCSR_DAZ), .ftz = !!(m & MXCSR_FTZ), .prec = 64,
                           /* sticky inexact lets the engine be quick */
                           .flags = m >> 7 & m & FP_PE};
}

/* Ends an operation: flags into MXCSR, #XM if unmasked. */
static inline void simd_commit(struct cpu *c, const struct insn *in, struct fp_env *e)
{
    uint32_t flags = e->flags;
    uint32_t unmasked = flags & ~(uint32_t)e->mask & FP_ALL;
    if (unlikely(unmasked & SIMD_PRE))
        flags &= SIMD_PRE;
    c->mxcsr |= flags & FP_ALL;
    if (unlikely(flags & ~(uint32_t)e->mask & FP_ALL)) {
        c->cur = in;
        cpu_fault(c, TRAP_XM, 0, 0);
    }
}

/* Products and sums raise their exceptions one after the other: an unmasked one ends it there. */
static inline struct fp_env simd_next_stage(struct cpu *c, const struct insn *in, struct fp_env *e)
{
    simd_commit(c, in, e);
    return simd_env(c);
}

/* The flags of COMISS and its like. */
static inline void simd_set_comparison(struct cpu *c, enum fp_cmp r)
{
    flags_set_status(c, r == FP_UNORD ? EFL_ZF | EFL_PF | EFL_CF
                        : r == FP_LT ? EFL_CF : r == FP_EQ ? EFL_ZF : 0);
}

typedef uint32_t (*simd_fn32)(uint32_t a, uint32_t b, struct fp_env *e);
typedef uint64_t (*simd_fn64)(uint64_t a, uint64_t b, struct fp_env *e);

/* An operation's names, with and without VEX, and what it does to an element (SQRT: of b). */
struct simd_row {
    uint16_t ps, ss, pd, sd, vps, vss, vpd, vsd;
    simd_fn32 f;
    simd_fn64 d;
};
const struct simd_row *simd_row(unsigned op, bool vex);
/* RCP and RSQRT of an element. */
uint32_t simd_approximate(uint32_t a, bool root);

#endif
