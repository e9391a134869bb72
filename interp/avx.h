/* What the VEX files share: 256-bit registers are cpu->xmm and cpu->ymmh; every VEX instruction with
 * a vector destination clears what is above its result. Memory operands need no alignment unless
 * the instruction says so. */
#ifndef XRUN_INTERP_AVX_H
#define XRUN_INTERP_AVX_H

#include "interp/simd.h"

union ymm {
    uint8_t b[32];
    uint16_t w[16];
    uint32_t d[8];
    uint64_t q[4];
    union xmm x[2];
};

insn_fn avx_bind_move(const struct insn *in);
insn_fn avx_bind_float(const struct insn *in);
insn_fn avx_bind_fma(const struct insn *in);

static inline unsigned avx_bytes(const struct opnd *o) { return o->kind == OPND_YMM ? 32 : 16; }

/* That comes before the segment's limit. */
static inline void avx_check_alignment(struct cpu *c, const struct insn *in, unsigned size)
{
    c->cur = in;
    if (unlikely((ea_offset(c, in) + c->seg_base[in->seg]) & (size - 1)))
        cpu_fault_gp(c, 0);
}

static inline union ymm avx_load(struct cpu *c, const struct insn *in, unsigned size, bool aligned)
{
    union ymm v = {.q = {0, 0, 0, 0}};
    if (aligned)
        avx_check_alignment(c, in, size);
    gaddr a = ea(c, in, size, false);
    if (size >= 8)
        for (unsigned i = 0; i < size / 8; i++)
            v.q[i] = ld64(a + 8 * i);
    else if (size == 4)
        v.d[0] = ld32(a);
    else
        v.w[0] = size == 2 ? ld16(a) : ld8(a);
    return v;
}

/* Operand n, zero-filled. */
static inline union ymm avx_read(struct cpu *c, const struct insn *in, unsigned n)
{
    const struct opnd *o = &in->o[n];
    union ymm v = {.q = {0, 0, 0, 0}};
    switch (o->kind) {
    case OPND_YMM: v.x[1] = c->ymmh[o->reg]; /* fallthrough */
    case OPND_XMM: v.x[0] = c->xmm[o->reg]; break;
    case OPND_GPR: v.d[0] = c->gpr[o->reg]; break;
    default: return avx_load(c, in, o->size, false);
    }
    return v;
}

/* Bits 256-511 of a register that a VEX instruction writes. */
static inline void avx_clear_above(struct cpu *c, unsigned r)
{
    c->zmmh[r][0] = c->zmmh[r][1] = (union xmm){.q = {0, 0}};
}

/* Operand 0, a register. */
static inline void avx_write(struct cpu *c, const struct insn *in, const union ymm *v)
{
    unsigned r = in->o[0].reg;
    c->xmm[r] = v->x[0];
    c->ymmh[r] = in->o[0].kind == OPND_YMM ? v->x[1] : (union xmm){.q = {0, 0}};
    avx_clear_above(c, r);
}

#endif
