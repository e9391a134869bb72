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

#endif
