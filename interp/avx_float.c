/* VEX floating point: the rules of simd_float.c for up to eight elements. */
#include "interp/avx.h"

/* Scalar operations change one element; the rest of the lane is the first source's. */
static unsigned count(const struct insn *in, bool scalar, unsigned size)
{
    return scalar ? 1 : avx_bytes(&in->o[0]) / size;
}

BODY(arith)
{
    cpu->cur = in;
    const struct simd_row *r = simd_row(in->op, true);
    struct fp_env e = simd_env(cpu);
    bool single = in->op == r->vps || in->op == r->vss;
    unsigned n = count(in, in->op == r->vss || in->op == r->vsd, single ? 4 : 8);
    union ymm b = avx_read(cpu, in, in->nopnd - 1u), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < n; i++) {
        if (single)
            d.d[i] = r->f(d.d[i], b.d[i], &e);
        else
            d.q[i] = r->d(d.q[i], b.q[i], &e);
    }
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

static void horizontal_lane(unsigned op, union xmm *d, const union xmm *s, struct fp_env *e)
{
    union xmm a = *d;
    switch (op) {
    case OP_VHADDPS: case OP_VHSUBPS: {
        simd_fn32 f = op == OP_VHADDPS ? fp_add32 : fp_sub32;
        for (int i = 0; i < 2; i++) {
            d->d[i] = f(a.d[2 * i], a.d[2 * i + 1], e);
            d->d[2 + i] = f(s->d[2 * i], s->d[2 * i + 1], e);
        }
        break;
    }
    case OP_VHADDPD: case OP_VHSUBPD: {
        simd_fn64 f = op == OP_VHADDPD ? fp_add64 : fp_sub64;
        d->q[0] = f(a.q[0], a.q[1], e);
        d->q[1] = f(s->q[0], s->q[1], e);
        break;
    }
    case OP_VADDSUBPS:
        for (int i = 0; i < 4; i++)
            d->d[i] = (i & 1 ? fp_add32 : fp_sub32)(a.d[i], s->d[i], e);
        break;
    default:
        d->q[0] = fp_sub64(a.q[0], s->q[0], e);
        d->q[1] = fp_add64(a.q[1], s->q[1], e);
        break;
    }
}

BODY(horizontal)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < avx_bytes(&in->o[0]) / 16; i++)
        horizontal_lane(in->op, &d.x[i], &b.x[i], &e);
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

/* ---- comparisons ---- */

/* For each predicate 0..15, the results for which it holds: bit 0 less, 1 equal, 2 greater, 3
 * unordered. Bit 4 of the predicate changes only whether a quiet NaN is an invalid operand. */
static bool predicate(enum fp_cmp r, unsigned p)
{
    static const uint8_t holds[16] = {2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15};
    return holds[p & 15] >> (r + 1) & 1;
}

BODY(cmp)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    unsigned p = in->imm & 31, n;
    bool quiet = ((p & 3) == 0 || (p & 3) == 3) ^ (p >> 4);
    bool single = in->op == OP_VCMPPS || in->op == OP_VCMPSS;
    n = count(in, in->op == OP_VCMPSS || in->op == OP_VCMPSD, single ? 4 : 8);
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < n; i++) {
        if (single)
            d.d[i] = predicate(fp_cmp32(d.d[i], b.d[i], quiet, &e), p) ? ~0u : 0;
        else
            d.q[i] = predicate(fp_cmp64(d.q[i], b.q[i], quiet, &e), p) ? UINT64_MAX : 0;
    }
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(comis)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    bool quiet = in->op == OP_VUCOMISS || in->op == OP_VUCOMISD;
    union ymm s = avx_read(cpu, in, 1), d = avx_read(cpu, in, 0);
    enum fp_cmp r = in->op == OP_VCOMISS || in->op == OP_VUCOMISS
                        ? fp_cmp32(d.d[0], s.d[0], quiet, &e) : fp_cmp64(d.q[0], s.q[0], quiet, &e);
    simd_commit(cpu, in, &e);
    simd_set_comparison(cpu, r);
    DONE;
}

/* ---- conversions ---- */

static union ymm convert(const struct insn *in, const union ymm *s, struct fp_env *e)
{
    union ymm r = {.q = {0, 0, 0, 0}};
    bool ymm = in->o[0].kind == OPND_YMM || in->o[1].kind == OPND_YMM || in->o[1].size == 32;
    unsigned n = ymm ? 4 : 2;
    bool chop = in->op == OP_VCVTTPS2DQ || in->op == OP_VCVTTPD2DQ;
    int round = chop ? FP_ZERO : e->round;
    switch (in->op) {
    case OP_VCVTDQ2PS:
        for (unsigned i = 0; i < 2 * n; i++)
            r.d[i] = fp_cvt_i32_to_32((int32_t)s->d[i], e);
        break;
    case OP_VCVTDQ2PD:
        for (unsigned i = 0; i < n; i++)
            r.q[i] = fp_cvt_i32_to_64((int32_t)s->d[i], e);
        break;
    case OP_VCVTPS2DQ: case OP_VCVTTPS2DQ:
        for (unsigned i = 0; i < 2 * n; i++)
            r.d[i] = (uint32_t)fp_cvt32_to_i32(s->d[i], round, e);
        break;
    case OP_VCVTPD2DQ: case OP_VCVTTPD2DQ:
        for (unsigned i = 0; i < n; i++)
            r.d[i] = (uint32_t)fp_cvt64_to_i32(s->q[i], round, e);
        break;
    case OP_VCVTPS2PD:
        for (unsigned i = 0; i < n; i++)
            r.q[i] = fp_cvt32_to_64(s->d[i], e);
        break;
    case OP_VCVTPD2PS:
        for (unsigned i = 0; i < n; i++)
            r.d[i] = fp_cvt64_to_32(s->q[i], e);
        break;
    default: /* VCVTPH2PS */
        for (unsigned i = 0; i < 2 * n; i++)
            r.d[i] = fp_cvt16_to_32(s->w[i], e);
        break;
    }
    return r;
}

BODY(cvt)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm s = avx_read(cpu, in, 1), r = convert(in, &s, &e);
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &r);
    DONE;
}

BODY(cvt_scalar) /* VCVTSS2SD VCVTSD2SS VCVTSI2SS VCVTSI2SD */
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm s = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    switch (in->op) {
    case OP_VCVTSS2SD: d.q[0] = fp_cvt32_to_64(s.d[0], &e); break;
    case OP_VCVTSD2SS: d.d[0] = fp_cvt64_to_32(s.q[0], &e); break;
    case OP_VCVTSI2SS: d.d[0] = fp_cvt_i32_to_32((int32_t)s.d[0], &e); break;
    default: d.q[0] = fp_cvt_i32_to_64((int32_t)s.d[0], &e); break;
    }
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(cvt_gpr)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm s = avx_read(cpu, in, 1);
    int round = in->op == OP_VCVTSS2SI || in->op == OP_VCVTSD2SI ? e.round : FP_ZERO;
    int32_t r = in->op == OP_VCVTSS2SI || in->op == OP_VCVTTSS2SI
                    ? fp_cvt32_to_i32(s.d[0], round, &e) : fp_cvt64_to_i32(s.q[0], round, &e);
    simd_commit(cpu, in, &e);
    cpu->gpr[in->o[0].reg] = (uint32_t)r;
    DONE;
}

BODY(cvt_to_half) /* the immediate may give the rounding; FTZ does not matter */
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    unsigned n = avx_bytes(&in->o[1]) / 4;
    union ymm s = avx_read(cpu, in, 1), r = {.q = {0, 0, 0, 0}};
    if (!(in->imm & 4))
        e.round = in->imm & 3;
    e.ftz = 0;
    gaddr a = 0;
    if (in->o[0].kind == OPND_MEM) {
        a = ea(cpu, in, in->o[0].size, true);
        probe_write(a, in->o[0].size);
    }
    for (unsigned i = 0; i < n; i++)
        r.w[i] = fp_cvt32_to_16(s.d[i], &e);
    simd_commit(cpu, in, &e);
    if (in->o[0].kind != OPND_MEM) {
        avx_write(cpu, in, &r);
        return;
    }
    for (unsigned i = 0; i < n / 4; i++)
        st64(a + 8 * i, r.q[i]);
    DONE;
}

/* ---- rounding, dot products, approximations ---- */

BODY(round_to_int)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    bool single = in->op == OP_VROUNDPS || in->op == OP_VROUNDSS;
    bool scalar = in->op == OP_VROUNDSS || in->op == OP_VROUNDSD;
    union ymm s = avx_read(cpu, in, scalar ? 2 : 1), d = avx_read(cpu, in, 1);
    int mode = in->imm & 4 ? e.round : (int)(in->imm & 3);
    bool inexact = !(in->imm & 8);
    for (unsigned i = 0; i < count(in, scalar, single ? 4 : 8); i++) {
        if (single)
            d.d[i] = fp_rint32(s.d[i], mode, inexact, &e);
        else
            d.q[i] = fp_rint64(s.q[i], mode, inexact, &e);
    }
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(dot_ps) /* stage by stage in both lanes */
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm s = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1), r;
    unsigned n = avx_bytes(&in->o[0]) / 4;
    uint32_t imm = in->imm, sum[4], t[8];
    for (unsigned i = 0; i < n; i++)
        t[i] = imm >> (4 + (i & 3)) & 1 ? fp_mul32(d.d[i], s.d[i], &e) : 0;
    e = simd_next_stage(cpu, in, &e);
    for (unsigned i = 0; i < n / 2; i++)
        sum[i] = fp_add32(t[2 * i], t[2 * i + 1], &e);
    e = simd_next_stage(cpu, in, &e);
    for (unsigned i = 0; i < n / 4; i++)
        sum[i] = fp_add32(sum[2 * i], sum[2 * i + 1], &e);
    for (unsigned i = 0; i < n; i++)
        r.d[i] = imm >> (i & 3) & 1 ? sum[i / 4] : 0;
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &r);
    DONE;
}

BODY(dot_pd)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union ymm s = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    uint32_t imm = in->imm;
    uint64_t t[2];
    for (unsigned i = 0; i < 2; i++)
        t[i] = imm >> (4 + i) & 1 ? fp_mul64(d.q[i], s.q[i], &e) : 0;
    e = simd_next_stage(cpu, in, &e);
    uint64_t sum = fp_add64(t[0], t[1], &e);
    for (unsigned i = 0; i < 2; i++)
        d.q[i] = imm >> i & 1 ? sum : 0;
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(approximate)
{
    cpu->cur = in;
    bool scalar = in->op == OP_VRCPSS || in->op == OP_VRSQRTSS;
    bool root = in->op == OP_VRSQRTPS || in->op == OP_VRSQRTSS;
    union ymm s = avx_read(cpu, in, scalar ? 2 : 1), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < count(in, scalar, 4); i++)
        d.d[i] = simd_approximate(s.d[i], root);
    avx_write(cpu, in, &d);
    DONE;
}

insn_fn avx_bind_float(const struct insn *in)
{
    switch (in->op) {
    case OP_VHADDPS: case OP_VHADDPD: case OP_VHSUBPS: case OP_VHSUBPD: case OP_VADDSUBPS:
    case OP_VADDSUBPD: return horizontal;
    case OP_VCMPPS: case OP_VCMPSS: case OP_VCMPPD: case OP_VCMPSD: return cmp;
    case OP_VCOMISS: case OP_VCOMISD: case OP_VUCOMISS: case OP_VUCOMISD: return comis;
    case OP_VCVTDQ2PS: case OP_VCVTDQ2PD: case OP_VCVTPS2DQ: case OP_VCVTTPS2DQ: case OP_VCVTPD2DQ:
    case OP_VCVTTPD2DQ: case OP_VCVTPS2PD: case OP_VCVTPD2PS: case OP_VCVTPH2PS: return cvt;
    case OP_VCVTSS2SD: case OP_VCVTSD2SS: case OP_VCVTSI2SS: case OP_VCVTSI2SD: return cvt_scalar;
    case OP_VCVTSS2SI: case OP_VCVTTSS2SI: case OP_VCVTSD2SI: case OP_VCVTTSD2SI: return cvt_gpr;
    case OP_VCVTPS2PH: return cvt_to_half;
    case OP_VROUNDPS: case OP_VROUNDSS: case OP_VROUNDPD: case OP_VROUNDSD: return round_to_int;
    case OP_VDPPS: return dot_ps;
    case OP_VDPPD: return dot_pd;
    case OP_VRCPPS: case OP_VRCPSS: case OP_VRSQRTPS: case OP_VRSQRTSS: return approximate;
    default: return simd_row(in->op, true) ? arith : NULL;
    }
}
