/* VEX moves: whole registers, parts, masked, gathered. */
#include "interp/avx.h"

/* Both pages must be writable before either changes. */
static void store(struct cpu *c, const struct insn *in, const union ymm *v, bool aligned)
{
    unsigned size = in->o[0].size;
    if (aligned)
        avx_check_alignment(c, in, size);
    gaddr a = ea(c, in, size, true);
    if (size > 8 && (a & GUEST_PAGE_MASK) > GUEST_PAGE_SIZE - size)
        probe_write(a, size);
    switch (size) {
    case 1: st8(a, v->b[0]); break;
    case 2: st16(a, v->w[0]); break;
    case 4: st32(a, v->d[0]); break;
    default:
        for (unsigned i = 0; i < size / 8; i++)
            st64(a + 8 * i, v->q[i]);
    }
}

static bool must_align(unsigned op)
{
    switch (op) {
    case OP_VMOVAPS: case OP_VMOVAPD: case OP_VMOVDQA: case OP_VMOVNTPS: case OP_VMOVNTPD:
    case OP_VMOVNTDQ: case OP_VMOVNTDQA: return true;
    default: return false;
    }
}

BODY(move)
{
    cpu->cur = in;
    bool aligned = must_align(in->op);
    union ymm v = in->o[1].kind == OPND_MEM ? avx_load(cpu, in, in->o[1].size, aligned)
                                            : avx_read(cpu, in, 1);
    if (in->o[0].kind == OPND_MEM)
        store(cpu, in, &v, aligned);
    else
        avx_write(cpu, in, &v);
    DONE;
}

/* VMOVD VMOVQ, and VMOVSS VMOVSD from and to memory. */
BODY(move_scalar)
{
    cpu->cur = in;
    union ymm v = avx_read(cpu, in, 1);
    if (in->o[1].kind == OPND_XMM) /* VMOVQ clears the upper half */
        v.x[0].q[1] = 0;
    if (in->o[0].kind == OPND_MEM)
        store(cpu, in, &v, false);
    else if (in->o[0].kind == OPND_GPR)
        cpu->gpr[in->o[0].reg] = v.d[0];
    else
        avx_write(cpu, in, &v);
    DONE;
}

/* The first source with one half, or element, replaced by a part of the second. */
BODY(merge)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    switch (in->op) {
    case OP_VMOVSS: d.d[0] = b.d[0]; break;
    case OP_VMOVHPS: case OP_VMOVHPD: case OP_VMOVLHPS: d.q[1] = b.q[0]; break;
    case OP_VMOVHLPS: d.q[0] = b.q[1]; break;
    default: d.q[0] = b.q[0]; break; /* VMOVSD VMOVLPS VMOVLPD */
    }
    avx_write(cpu, in, &d);
    DONE;
}

BODY(store_half)
{
    cpu->cur = in;
    union ymm v = avx_read(cpu, in, 1);
    if (in->op == OP_VMOVHPS || in->op == OP_VMOVHPD)
        v.q[0] = v.q[1];
    store(cpu, in, &v, false);
    DONE;
}

BODY(insert)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    uint32_t imm = in->imm;
    if (in->op == OP_VINSERTPS && in->o[2].kind == OPND_MEM) /* it has one element */
        imm &= 0x3f;
    switch (in->op) {
    case OP_VPINSRB: d.b[imm & 15] = b.b[0]; break;
    case OP_VPINSRW: d.w[imm & 7] = b.w[0]; break;
    case OP_VPINSRD: d.d[imm & 3] = b.d[0]; break;
    default: simd_lane(OP_INSERTPS)(&d.x[0], &b.x[0], 16, imm & 0xff); break;
    }
    avx_write(cpu, in, &d);
    DONE;
}

BODY(extract)
{
    cpu->cur = in;
    union ymm s = avx_read(cpu, in, 1), v = {.q = {0, 0, 0, 0}};
    uint32_t imm = in->imm;
    switch (in->op) {
    case OP_VPEXTRB: v.b[0] = s.b[imm & 15]; break;
    case OP_VPEXTRW: v.w[0] = s.w[imm & 7]; break;
    case OP_VPEXTRD: case OP_VEXTRACTPS: v.d[0] = s.d[imm & 3]; break;
    default: v.x[0] = s.x[imm & 1]; break; /* VEXTRACTF128 VEXTRACTI128 */
    }
    if (in->o[0].kind == OPND_MEM)
        store(cpu, in, &v, false);
    else if (in->o[0].kind == OPND_GPR)
        cpu->gpr[in->o[0].reg] = v.d[0];
    else
        avx_write(cpu, in, &v);
    DONE;
}

/* ---- masked: elements whose mask bit is clear are neither read nor written ---- */

static bool chosen(const union ymm *m, unsigned i, unsigned size)
{
    return m->b[i * size + size - 1] & 0x80;
}

BODY(mask_load)
{
    cpu->cur = in;
    union ymm m = avx_read(cpu, in, 1), d = {.q = {0, 0, 0, 0}};
    unsigned size = in->op == OP_VMASKMOVPS || in->op == OP_VPMASKMOVD ? 4 : 8;
    for (unsigned i = 0; i < avx_bytes(&in->o[0]) / size; i++)
        if (chosen(&m, i, size)) {
            gaddr a = ea_plus(cpu, in, i * size, size, false);
            if (size == 4)
                d.d[i] = ld32(a);
            else
                d.q[i] = ld64(a);
        }
    avx_write(cpu, in, &d);
    DONE;
}

BODY(mask_store)
{
    cpu->cur = in;
    union ymm m = avx_read(cpu, in, 1), v = avx_read(cpu, in, 2);
    unsigned size = in->op == OP_VMASKMOVPS || in->op == OP_VPMASKMOVD ? 4 : 8;
    unsigned n = avx_bytes(&in->o[2]) / size;
    gaddr at[8];
    for (unsigned i = 0; i < n; i++)
        if (chosen(&m, i, size)) {
            if (in->seg == SEG_CS)
                cpu_fault_gp(cpu, 0);
            at[i] = ea_plus(cpu, in, i * size, size, true);
            probe_write(at[i], size);
        }
    for (unsigned i = 0; i < n; i++)
        if (chosen(&m, i, size)) {
            if (size == 4)
                st32(at[i], v.d[i]);
            else
                st64(at[i], v.q[i]);
        }
    DONE;
}

/* ---- gathers ---- */

static bool wide_index(unsigned op)
{
    return op == OP_VGATHERQPS || op == OP_VGATHERQPD || op == OP_VPGATHERQD || op == OP_VPGATHERQQ;
}

static gaddr element(struct cpu *c, const struct insn *in, const union ymm *index, unsigned i)
{
    uint32_t v = wide_index(in->op) ? (uint32_t)index->q[i] : index->d[i];
    uint32_t off = c->gpr[in->base] + (v << in->scale) + in->disp;
    if (in->flags & INSN_SEG_CHECK)
        return ea_checked(c, in->seg, off, in->o[1].size, false);
    return off + c->seg_base[in->seg];
}

/* An element that was loaded clears its mask, so a fault leaves what is still to be done. */
BODY(gather)
{
    cpu->cur = in;
    unsigned size = in->o[1].size, n = in->imm2 / (wide_index(in->op) ? 8 : 4);
    unsigned room = avx_bytes(&in->o[0]) / size, dst = in->o[0].reg, mask = in->o[2].reg;
    union ymm index = {.x = {cpu->xmm[in->index], cpu->ymmh[in->index]}};
    union ymm m = {.x = {cpu->xmm[mask], cpu->ymmh[mask]}};
    union ymm d = {.x = {cpu->xmm[dst], cpu->ymmh[dst]}};
    n = n < room ? n : room;
    for (unsigned i = 0; i < n; i++) {
        if (chosen(&m, i, size)) {
            gaddr a = element(cpu, in, &index, i);
            if (size == 4)
                d.d[i] = ld32(a);
            else
                d.q[i] = ld64(a);
        }
        memset(m.b + i * size, 0, size);
        cpu->xmm[dst] = d.x[0], cpu->ymmh[dst] = d.x[1];
        cpu->xmm[mask] = m.x[0], cpu->ymmh[mask] = m.x[1];
    }
    memset(d.b + n * size, 0, 32 - n * size);
    avx_write(cpu, in, &d);
    cpu->xmm[mask] = cpu->ymmh[mask] = (union xmm){.q = {0, 0}};
    avx_clear_above(cpu, mask);
    DONE;
}

static insn_fn bind_low_high(const struct insn *in)
{
    return in->o[0].kind == OPND_MEM ? store_half : merge;
}

insn_fn avx_bind_move(const struct insn *in)
{
    switch (in->op) {
    case OP_VMOVAPS: case OP_VMOVAPD: case OP_VMOVDQA: case OP_VMOVNTPS: case OP_VMOVNTPD:
    case OP_VMOVNTDQ: case OP_VMOVNTDQA: case OP_VMOVUPS: case OP_VMOVUPD: case OP_VMOVDQU:
    case OP_VLDDQU: return move;
    case OP_VMOVD: case OP_VMOVQ: return move_scalar;
    case OP_VMOVSS: case OP_VMOVSD: return in->nopnd == 3 ? merge : move_scalar;
    case OP_VMOVHPS: case OP_VMOVHPD: case OP_VMOVLPS: case OP_VMOVLPD: return bind_low_high(in);
    case OP_VMOVHLPS: case OP_VMOVLHPS: return merge;
    case OP_VPINSRB: case OP_VPINSRW: case OP_VPINSRD: case OP_VINSERTPS: return insert;
    case OP_VPEXTRB: case OP_VPEXTRW: case OP_VPEXTRD: case OP_VEXTRACTPS: case OP_VEXTRACTF128:
    case OP_VEXTRACTI128: return extract;
    case OP_VMASKMOVPS: case OP_VMASKMOVPD: case OP_VPMASKMOVD: case OP_VPMASKMOVQ:
        return in->o[0].kind == OPND_MEM ? mask_store : mask_load;
    case OP_VGATHERDPS: case OP_VGATHERDPD: case OP_VGATHERQPS: case OP_VGATHERQPD:
    case OP_VPGATHERDD: case OP_VPGATHERDQ: case OP_VPGATHERQD: case OP_VPGATHERQQ: return gather;
    case OP_VMASKMOVDQU: return simd_bind_move(in);
    case OP_VPCMPESTRI: case OP_VPCMPESTRM: case OP_VPCMPISTRI: case OP_VPCMPISTRM:
        return simd_bind_string(in);
    case OP_VLDMXCSR: case OP_VSTMXCSR: return interp_bind_system(in);
    default: return NULL;
    }
}
