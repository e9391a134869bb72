/* MMX/SSE moves, inserts, extracts, masks, blends by register; and the binding of both classes. */
#include "interp/simd.h"

void mmx_begin(struct cpu *c, const struct insn *in)
{
    c->cur = in;
    if (unlikely(c->fpu.sw & 0x80))
        cpu_fault(c, TRAP_MF, 0, 0);
    c->fpu.top = 0;
    c->fpu.empty = 0;
}

void mmx_write(struct cpu *c, unsigned r, uint64_t v)
{
    c->fpu.st[r].sig = v;
    c->fpu.st[r].se = 0xffff;
}

static bool uses_mmx(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MM)
            return true;
    return false;
}

/* An MMX instruction checks for #MF before it touches memory, and changes TOP and tags after. */
static void mmx_check(struct cpu *c, const struct insn *in)
{
    c->cur = in;
    if (unlikely(c->fpu.sw & 0x80))
        cpu_fault(c, TRAP_MF, 0, 0);
}

/* ---- operations on lanes ---- */

static union xmm source(struct cpu *c, const struct insn *in)
{
    union xmm s = {.q = {0, 0}};
    if (in->o[1].kind == OPND_IMM) /* shift by immediate */
        s.q[0] = in->imm & 0xff;
    else
        s = simd_read(c, in, 1, in->op == OP_MOVDDUP);
    return s;
}

BODY(lane_xmm)
{
    cpu->cur = in;
    union xmm s = source(cpu, in);
    simd_lane(in->op)(&cpu->xmm[in->o[0].reg], &s, 16, in->imm & 0xff);
    DONE;
}

BODY(lane_mmx)
{
    mmx_check(cpu, in);
    union xmm s = source(cpu, in), d = {.q = {cpu->fpu.st[in->o[0].reg].sig, 0}};
    mmx_begin(cpu, in);
    simd_lane(in->op)(&d, &s, 8, in->imm & 0xff);
    mmx_write(cpu, in->o[0].reg, d.q[0]);
    DONE;
}

BODY(crypto_xmm)
{
    cpu->cur = in;
    bool sha = in->op >= OP_SHA1MSG1 && in->op <= OP_SHA256RNDS2;
    /* hardware does not insist on alignment for the SHA operations */
    union xmm s = simd_read(cpu, in, 1, sha), d = cpu->xmm[in->o[0].reg];
    if (in->op == OP_SHA256RNDS2) {
        /* the round keys are the implicit xmm0: passed in behind the source */
        union xmm both[2] = {s, cpu->xmm[0]};
        simd_crypto(in->op)(&d, both, 16, in->imm & 0xff);
    } else {
        simd_crypto(in->op)(&d, &s, 16, in->imm & 0xff);
    }
    cpu->xmm[in->o[0].reg] = d;
    DONE;
}

HANDLER(pxor_rr) /* the commonest: clearing a register */
{
    union xmm *d = &cpu->xmm[in->o[0].reg];
    const union xmm *s = &cpu->xmm[in->o[1].reg];
    d->q[0] ^= s->q[0];
    d->q[1] ^= s->q[1];
    NEXT;
}

BODY(op_insertps)
{
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, true);
    uint32_t imm = in->imm & (in->o[1].kind == OPND_MEM ? 0x3f : 0xff);
    simd_lane(OP_INSERTPS)(&cpu->xmm[in->o[0].reg], &s, 16, imm);
    DONE;
}

/* ---- whole-register moves ---- */

HANDLER(mov16_load)
{
    cpu->cur = in;
    cpu->xmm[in->o[0].reg] = simd_read(cpu, in, 1, false);
    NEXT;
}

HANDLER(mov16_loadu)
{
    cpu->cur = in;
    cpu->xmm[in->o[0].reg] = simd_read(cpu, in, 1, true);
    NEXT;
}

/* The upper half first: an inaccessible second page faults before anything is written. */
static void store16(struct cpu *c, const struct insn *in, bool aligned)
{
    const union xmm *v = &c->xmm[in->o[1].reg];
    gaddr a = aligned ? simd_ea(c, in, 16, true) : ea(c, in, 16, true);
    if ((a & GUEST_PAGE_MASK) > GUEST_PAGE_SIZE - 16) {
        probe_write(a, 16); /* both pages must be writable before either changes */
    }
    st64(a, v->q[0]);
    st64(a + 8, v->q[1]);
}

HANDLER(mov16_store) { store16(cpu, in, true); NEXT; }
HANDLER(mov16_storeu) { store16(cpu, in, false); NEXT; }

static insn_fn bind_mov16(const struct insn *in, bool aligned)
{
    if (in->o[0].kind == OPND_MEM)
        return aligned ? mov16_store : mov16_storeu;
    return aligned ? mov16_load : mov16_loadu;
}

/* ---- partial moves ---- */

/* Stores the low o[0].size bytes of the source register. */
HANDLER(store_low)
{
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, true);
    gaddr a = ea(cpu, in, in->o[0].size, true);
    if (in->o[0].size == 8)
        st64(a, s.q[0]);
    else
        st32(a, s.d[0]);
    NEXT;
}

HANDLER(store_high) /* MOVHPS MOVHPD */
{
    st64(ea(cpu, in, 8, true), cpu->xmm[in->o[1].reg].q[1]);
    NEXT;
}

HANDLER(load_high)
{
    cpu->cur = in;
    cpu->xmm[in->o[0].reg].q[1] = simd_read(cpu, in, 1, true).q[0];
    NEXT;
}

HANDLER(load_low_keep) /* MOVLPS MOVLPD: the upper half stays */
{
    cpu->cur = in;
    cpu->xmm[in->o[0].reg].q[0] = simd_read(cpu, in, 1, true).q[0];
    NEXT;
}

HANDLER(load_zero) /* MOVD MOVQ, MOVSS MOVSD from memory: the rest becomes zero */
{
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, true);
    if (in->o[1].kind == OPND_XMM)
        s.q[1] = 0;
    cpu->xmm[in->o[0].reg] = s;
    NEXT;
}

HANDLER(movss_rr) { cpu->xmm[in->o[0].reg].d[0] = cpu->xmm[in->o[1].reg].d[0]; NEXT; }
HANDLER(movsd_rr) { cpu->xmm[in->o[0].reg].q[0] = cpu->xmm[in->o[1].reg].q[0]; NEXT; }
HANDLER(movhlps) { cpu->xmm[in->o[0].reg].q[0] = cpu->xmm[in->o[1].reg].q[1]; NEXT; }
HANDLER(movlhps) { cpu->xmm[in->o[0].reg].q[1] = cpu->xmm[in->o[1].reg].q[0]; NEXT; }

HANDLER(movd_to_gpr)
{
    if (in->o[1].kind == OPND_MM)
        mmx_begin(cpu, in);
    cpu->gpr[in->o[0].reg] = simd_read(cpu, in, 1, true).d[0];
    NEXT;
}

HANDLER(mmx_load) /* MOVD MOVQ to an MMX register */
{
    mmx_check(cpu, in);
    union xmm s = simd_read(cpu, in, 1, true);
    mmx_begin(cpu, in);
    mmx_write(cpu, in->o[0].reg, in->op == OP_MOVD ? s.d[0] : s.q[0]);
    NEXT;
}

HANDLER(mmx_store)
{
    mmx_check(cpu, in);
    uint64_t v = cpu->fpu.st[in->o[1].reg].sig;
    gaddr a = ea(cpu, in, in->o[0].size, true);
    if (in->o[0].size == 8)
        st64(a, v);
    else
        st32(a, (uint32_t)v);
    mmx_begin(cpu, in);
    NEXT;
}

HANDLER(movq2dq)
{
    mmx_begin(cpu, in);
    cpu->xmm[in->o[0].reg] = (union xmm){.q = {cpu->fpu.st[in->o[1].reg].sig, 0}};
    NEXT;
}

HANDLER(movdq2q)
{
    mmx_begin(cpu, in);
    mmx_write(cpu, in->o[0].reg, cpu->xmm[in->o[1].reg].q[0]);
    NEXT;
}

HANDLER(op_emms)
{
    mmx_check(cpu, in);
    cpu->fpu.empty = 0xff;
    cpu->fpu.top = 0;
    NEXT;
}

static insn_fn bind_movd_movq(const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    if (d->kind == OPND_MM)
        return mmx_load;
    if (s->kind == OPND_MM)
        return d->kind == OPND_MEM ? mmx_store : movd_to_gpr;
    if (d->kind == OPND_MEM)
        return store_low;
    return d->kind == OPND_GPR ? movd_to_gpr : load_zero;
}

/* ---- inserts, extracts, masks ---- */

HANDLER(op_pinsr)
{
    bool mm = in->o[0].kind == OPND_MM;
    if (mm)
        mmx_check(cpu, in);
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, true);
    if (mm) {
        mmx_begin(cpu, in);
        union xmm d = {.q = {cpu->fpu.st[in->o[0].reg].sig, 0}};
        d.w[in->imm & 3] = s.w[0];
        mmx_write(cpu, in->o[0].reg, d.q[0]);
        NEXT;
    }
    union xmm *d = &cpu->xmm[in->o[0].reg];
    if (in->op == OP_PINSRB)
        d->b[in->imm & 15] = s.b[0];
    else if (in->op == OP_PINSRW)
        d->w[in->imm & 7] = s.w[0];
    else
        d->d[in->imm & 3] = s.d[0];
    NEXT;
}

HANDLER(op_pextr)
{
    bool mm = in->o[1].kind == OPND_MM;
    if (mm)
        mmx_check(cpu, in);
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, true);
    uint32_t v = in->op == OP_PEXTRB ? s.b[in->imm & 15]
                 : in->op == OP_PEXTRW ? s.w[in->imm & (mm ? 3 : 7)] : s.d[in->imm & 3];
    if (in->o[0].kind == OPND_MEM) {
        gaddr a = ea(cpu, in, in->o[0].size, true);
        if (in->op == OP_PEXTRB)
            st8(a, (uint8_t)v);
        else if (in->op == OP_PEXTRW)
            st16(a, (uint16_t)v);
        else
            st32(a, v);
    } else {
        if (mm)
            mmx_begin(cpu, in);
        cpu->gpr[in->o[0].reg] = v;
    }
    NEXT;
}

HANDLER(op_movmsk)
{
    uint32_t r = 0;
    bool mm = in->o[1].kind == OPND_MM;
    if (mm)
        mmx_begin(cpu, in);
    union xmm s = simd_read(cpu, in, 1, true);
    if (in->op == OP_PMOVMSKB)
        for (unsigned i = 0; i < (mm ? 8 : 16); i++)
            r |= (uint32_t)(s.b[i] >> 7) << i;
    else if (in->op == OP_MOVMSKPS)
        for (unsigned i = 0; i < 4; i++)
            r |= (s.d[i] >> 31) << i;
    else
        r = (uint32_t)(s.q[0] >> 63) | (uint32_t)(s.q[1] >> 63) << 1;
    cpu->gpr[in->o[0].reg] = r;
    NEXT;
}

HANDLER(op_maskmov) /* MASKMOVQ MASKMOVDQU: [seg:edi]; a fault leaves the MMX state entered */
{
    bool mm = in->op == OP_MASKMOVQ;
    unsigned n = mm ? 8 : 16;
    unsigned first = in->o[0].kind == OPND_MEM ? 1 : 0;
    if (mm)
        mmx_check(cpu, in);
    cpu->cur = in;
    union xmm v = simd_read(cpu, in, first, true), m = simd_read(cpu, in, first + 1, true);
    uint32_t off = cpu->gpr[REG_EDI];
    if (in->flags & INSN_ADDR16)
        off &= 0xffff;
    if (mm)
        mmx_begin(cpu, in);
    bool check = in->flags & INSN_SEG_CHECK || in->seg == SEG_CS /* not writable */;
    gaddr a = check ? ea_checked(cpu, in->seg, off, 8, true) : off;
    probe_write(a, 8); /* bytes that the mask leaves out fault, too */
    if (!mm) {
        gaddr b = check ? ea_checked(cpu, in->seg, off + 8, 8, true) : off + 8;
        probe_write(b, 8);
    }
    for (unsigned i = n; i-- > 0;)
        if (m.b[i] & 0x80)
            st8(a + i, v.b[i]);
    NEXT;
}

HANDLER(op_blendv) /* the mask is the implicit xmm0 */
{
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, false), m = cpu->xmm[0], *d = &cpu->xmm[in->o[0].reg];
    unsigned size = in->op == OP_PBLENDVB ? 1 : in->op == OP_BLENDVPS ? 4 : 8;
    for (unsigned i = 0; i < 16; i++)
        if (m.b[i / size * size + size - 1] & 0x80)
            d->b[i] = s.b[i];
    NEXT;
}

HANDLER(op_ptest)
{
    cpu->cur = in;
    union xmm s = simd_read(cpu, in, 1, false), d = cpu->xmm[in->o[0].reg];
    bool zf = !((s.q[0] & d.q[0]) | (s.q[1] & d.q[1]));
    bool cf = !((s.q[0] & ~d.q[0]) | (s.q[1] & ~d.q[1]));
    flags_set_status(cpu, (zf ? EFL_ZF : 0) | (cf ? EFL_CF : 0));
    NEXT;
}

insn_fn simd_bind_move(const struct insn *in)
{
    bool to_mem = in->o[0].kind == OPND_MEM, from_mem = in->o[1].kind == OPND_MEM;
    switch (in->op) {
    case OP_MOVAPS: case OP_MOVAPD: case OP_MOVDQA: case OP_MOVNTPS: case OP_MOVNTPD:
    case OP_MOVNTDQ: case OP_MOVNTDQA: return bind_mov16(in, true);
    case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_LDDQU: return bind_mov16(in, false);
    case OP_MOVSS: return to_mem ? store_low : from_mem ? load_zero : movss_rr;
    case OP_MOVSD: return to_mem ? store_low : from_mem ? load_zero : movsd_rr;
    case OP_MOVHPS: case OP_MOVHPD: return to_mem ? store_high : load_high;
    case OP_MOVLPS: case OP_MOVLPD: return to_mem ? store_low : load_low_keep;
    case OP_MOVHLPS: return movhlps;
    case OP_MOVLHPS: return movlhps;
    case OP_MOVD: case OP_MOVQ: return bind_movd_movq(in);
    case OP_MOVNTQ: return mmx_store;
    case OP_MOVQ2DQ: return movq2dq;
    case OP_MOVDQ2Q: return movdq2q;
    case OP_EMMS: return op_emms;
    case OP_PINSRB: case OP_PINSRW: case OP_PINSRD: return op_pinsr;
    case OP_PEXTRB: case OP_PEXTRW: case OP_PEXTRD: case OP_EXTRACTPS: return op_pextr;
    case OP_PMOVMSKB: case OP_MOVMSKPS: case OP_MOVMSKPD: return op_movmsk;
    case OP_MASKMOVQ: case OP_MASKMOVDQU: case OP_VMASKMOVDQU: return op_maskmov;
    case OP_PBLENDVB: case OP_BLENDVPS: case OP_BLENDVPD: return op_blendv;
    case OP_PTEST: return op_ptest;
    case OP_INSERTPS: return op_insertps;
    case OP_PXOR: case OP_XORPS:
        return in->o[0].kind == OPND_XMM && in->o[1].kind == OPND_XMM ? pxor_rr : NULL;
    default: return NULL;
    }
}

static insn_fn bind(const struct insn *in)
{
    insn_fn fn = simd_bind_move(in);
    if (!fn)
        fn = simd_bind_float(in);
    if (!fn)
        fn = simd_bind_string(in);
    if (!fn && simd_lane(in->op))
        fn = uses_mmx(in) ? lane_mmx : lane_xmm;
    if (!fn && simd_crypto(in->op))
        fn = crypto_xmm;
    return fn;
}

insn_fn interp_bind_mmx(const struct insn *in) { return bind(in); }
insn_fn interp_bind_sse(const struct insn *in) { return bind(in); }
