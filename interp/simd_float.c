/* SSE floating point on core/fp. MXCSR gives the environment; exceptions of all elements are
 * collected, those found before computing (IE DE ZE) first: an unmasked one of them hides the
 * others. An unmasked exception leaves the destination and raises #XM. */
#include "interp/simd.h"

static uint32_t sqrt32(uint32_t a, uint32_t b, struct fp_env *e) { (void)a; return fp_sqrt32(b, e); }
static uint64_t sqrt64(uint64_t a, uint64_t b, struct fp_env *e) { (void)a; return fp_sqrt64(b, e); }

static const struct simd_row rows[] = {
#define R(name, f)                                                                                 \
    {OP_##name##PS, OP_##name##SS, OP_##name##PD, OP_##name##SD,                                   \
     OP_V##name##PS, OP_V##name##SS, OP_V##name##PD, OP_V##name##SD, f##32, f##64},
    R(ADD, fp_add) R(SUB, fp_sub) R(MUL, fp_mul) R(DIV, fp_div) R(MIN, fp_min) R(MAX, fp_max)
    R(SQRT, sqrt)
#undef R
};

const struct simd_row *simd_row(unsigned op, bool vex)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct simd_row *r = &rows[i];
        if (vex ? op == r->vps || op == r->vss || op == r->vpd || op == r->vsd
                : op == r->ps || op == r->ss || op == r->pd || op == r->sd)
            return r;
    }
    return NULL;
}

#define SCALAR(name, OPSS, OPSD, F, G)                                                             \
    BODY(name##_ss)                                                                                \
    {                                                                                              \
        cpu->cur = in;                                                                             \
        struct fp_env e = simd_env(cpu);                                                           \
        uint32_t b = simd_read(cpu, in, 1, true).d[0];                                             \
        uint32_t r = F(cpu->xmm[in->o[0].reg].d[0], b, &e);                                        \
        simd_commit(cpu, in, &e);                                                                  \
        cpu->xmm[in->o[0].reg].d[0] = r;                                                           \
        DONE;                                                                                      \
    }                                                                                              \
    BODY(name##_sd)                                                                                \
    {                                                                                              \
        cpu->cur = in;                                                                             \
        struct fp_env e = simd_env(cpu);                                                           \
        uint64_t b = simd_read(cpu, in, 1, true).q[0];                                             \
        uint64_t r = G(cpu->xmm[in->o[0].reg].q[0], b, &e);                                        \
        simd_commit(cpu, in, &e);                                                                  \
        cpu->xmm[in->o[0].reg].q[0] = r;                                                           \
        DONE;                                                                                      \
    }
SCALAR(add, OP_ADDSS, OP_ADDSD, fp_add32, fp_add64)
SCALAR(sub, OP_SUBSS, OP_SUBSD, fp_sub32, fp_sub64)
SCALAR(mul, OP_MULSS, OP_MULSD, fp_mul32, fp_mul64)
SCALAR(div, OP_DIVSS, OP_DIVSD, fp_div32, fp_div64)
SCALAR(min, OP_MINSS, OP_MINSD, fp_min32, fp_min64)
SCALAR(max, OP_MAXSS, OP_MAXSD, fp_max32, fp_max64)
SCALAR(sqrt, OP_SQRTSS, OP_SQRTSD, sqrt32, sqrt64)

BODY(packed)
{
    cpu->cur = in;
    const struct simd_row *r = simd_row(in->op, false);
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false), d = cpu->xmm[in->o[0].reg];
    if (in->op == r->ps)
        for (int i = 0; i < 4; i++)
            d.d[i] = r->f(d.d[i], s.d[i], &e);
    else
        for (int i = 0; i < 2; i++)
            d.q[i] = r->d(d.q[i], s.q[i], &e);
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = d;
    DONE;
}

BODY(horizontal) /* HADD HSUB ADDSUB */
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false), d = cpu->xmm[in->o[0].reg], r = d;
    switch (in->op) {
    case OP_HADDPS: case OP_HSUBPS: {
        simd_fn32 f = in->op == OP_HADDPS ? fp_add32 : fp_sub32;
        for (int i = 0; i < 2; i++) {
            r.d[i] = f(d.d[2 * i], d.d[2 * i + 1], &e);
            r.d[2 + i] = f(s.d[2 * i], s.d[2 * i + 1], &e);
        }
        break;
    }
    case OP_HADDPD: case OP_HSUBPD: {
        simd_fn64 f = in->op == OP_HADDPD ? fp_add64 : fp_sub64;
        r.q[0] = f(d.q[0], d.q[1], &e);
        r.q[1] = f(s.q[0], s.q[1], &e);
        break;
    }
    case OP_ADDSUBPS:
        for (int i = 0; i < 4; i++)
            r.d[i] = (i & 1 ? fp_add32 : fp_sub32)(d.d[i], s.d[i], &e);
        break;
    default:
        r.q[0] = fp_sub64(d.q[0], s.q[0], &e);
        r.q[1] = fp_add64(d.q[1], s.q[1], &e);
        break;
    }
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = r;
    DONE;
}

/* ---- comparisons ---- */

/* Predicates 0..7 EQ LT LE UNORD NEQ NLT NLE ORD; LT, LE and their negations signal on QNaN. */
static bool predicate(enum fp_cmp r, unsigned p)
{
    bool v;
    switch (p & 3) {
    case 0: v = r == FP_EQ; break;
    case 1: v = r == FP_LT; break;
    case 2: v = r == FP_LT || r == FP_EQ; break;
    default: v = r == FP_UNORD; break;
    }
    return p & 4 ? !v : v;
}

BODY(op_cmp)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    unsigned p = in->imm & 7;
    bool quiet = (p & 3) == 0 || (p & 3) == 3;
    bool packed_op = in->op == OP_CMPPS || in->op == OP_CMPPD;
    union xmm s = simd_read(cpu, in, 1, !packed_op), d = cpu->xmm[in->o[0].reg];
    if (in->op == OP_CMPPS || in->op == OP_CMPSS)
        for (int i = 0; i < (packed_op ? 4 : 1); i++)
            d.d[i] = predicate(fp_cmp32(d.d[i], s.d[i], quiet, &e), p) ? ~0u : 0;
    else
        for (int i = 0; i < (packed_op ? 2 : 1); i++)
            d.q[i] = predicate(fp_cmp64(d.q[i], s.q[i], quiet, &e), p) ? UINT64_MAX : 0;
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = d;
    DONE;
}

BODY(op_comis)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    bool quiet = in->op == OP_UCOMISS || in->op == OP_UCOMISD;
    union xmm s = simd_read(cpu, in, 1, true), d = cpu->xmm[in->o[0].reg];
    enum fp_cmp r = in->op == OP_COMISS || in->op == OP_UCOMISS
                        ? fp_cmp32(d.d[0], s.d[0], quiet, &e) : fp_cmp64(d.q[0], s.q[0], quiet, &e);
    simd_commit(cpu, in, &e);
    simd_set_comparison(cpu, r);
    DONE;
}

/* ---- conversions ---- */

/* Between xmm registers (and memory). */
static union xmm convert(unsigned op, const union xmm *s, union xmm d, struct fp_env *e)
{
    union xmm r = {.q = {0, 0}};
    switch (op) {
    case OP_CVTDQ2PS:
        for (int i = 0; i < 4; i++)
            r.d[i] = fp_cvt_i32_to_32((int32_t)s->d[i], e);
        return r;
    case OP_CVTDQ2PD:
        for (int i = 0; i < 2; i++)
            r.q[i] = fp_cvt_i32_to_64((int32_t)s->d[i], e);
        return r;
    case OP_CVTPS2DQ: case OP_CVTTPS2DQ:
        for (int i = 0; i < 4; i++)
            r.d[i] = (uint32_t)fp_cvt32_to_i32(s->d[i], op == OP_CVTPS2DQ ? e->round : FP_ZERO, e);
        return r;
    case OP_CVTPD2DQ: case OP_CVTTPD2DQ:
        for (int i = 0; i < 2; i++)
            r.d[i] = (uint32_t)fp_cvt64_to_i32(s->q[i], op == OP_CVTPD2DQ ? e->round : FP_ZERO, e);
        return r;
    case OP_CVTPS2PD:
        for (int i = 0; i < 2; i++)
            r.q[i] = fp_cvt32_to_64(s->d[i], e);
        return r;
    case OP_CVTPD2PS:
        for (int i = 0; i < 2; i++)
            r.d[i] = fp_cvt64_to_32(s->q[i], e);
        return r;
    case OP_CVTSS2SD: d.q[0] = fp_cvt32_to_64(s->d[0], e); return d;
    case OP_CVTSD2SS: d.d[0] = fp_cvt64_to_32(s->q[0], e); return d;
    case OP_CVTSI2SS: d.d[0] = fp_cvt_i32_to_32((int32_t)s->d[0], e); return d;
    default: d.q[0] = fp_cvt_i32_to_64((int32_t)s->d[0], e); return d; /* CVTSI2SD */
    }
}

BODY(op_cvt)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false);
    union xmm r = convert(in->op, &s, cpu->xmm[in->o[0].reg], &e);
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = r;
    DONE;
}

BODY(op_cvt_gpr) /* CVT(T)SS2SI CVT(T)SD2SI */
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, true);
    int round = in->op == OP_CVTSS2SI || in->op == OP_CVTSD2SI ? e.round : FP_ZERO;
    int32_t r = in->op == OP_CVTSS2SI || in->op == OP_CVTTSS2SI
                    ? fp_cvt32_to_i32(s.d[0], round, &e) : fp_cvt64_to_i32(s.q[0], round, &e);
    simd_commit(cpu, in, &e);
    cpu->gpr[in->o[0].reg] = (uint32_t)r;
    DONE;
}

static void mmx_check(struct cpu *c, const struct insn *in)
{
    c->cur = in;
    if (unlikely(c->fpu.sw & 0x80))
        cpu_fault(c, TRAP_MF, 0, 0);
}

BODY(op_cvt_to_mmx) /* CVT(T)PS2PI CVT(T)PD2PI */
{
    mmx_check(cpu, in);
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false), r = {.q = {0, 0}};
    bool chop = in->op == OP_CVTTPS2PI || in->op == OP_CVTTPD2PI;
    bool single = in->op == OP_CVTPS2PI || in->op == OP_CVTTPS2PI;
    for (int i = 0; i < 2; i++)
        r.d[i] = (uint32_t)(single ? fp_cvt32_to_i32(s.d[i], chop ? FP_ZERO : e.round, &e)
                                   : fp_cvt64_to_i32(s.q[i], chop ? FP_ZERO : e.round, &e));
    mmx_begin(cpu, in); /* even if an exception follows */
    simd_commit(cpu, in, &e);
    mmx_write(cpu, in->o[0].reg, r.q[0]);
    DONE;
}

BODY(op_cvt_from_mmx) /* CVTPI2PS CVTPI2PD; from memory they leave the x87 state alone */
{
    bool mm = in->o[1].kind == OPND_MM;
    if (mm)
        mmx_check(cpu, in);
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false), d = cpu->xmm[in->o[0].reg];
    for (int i = 0; i < 2; i++)
        if (in->op == OP_CVTPI2PS)
            d.d[i] = fp_cvt_i32_to_32((int32_t)s.d[i], &e);
        else
            d.q[i] = fp_cvt_i32_to_64((int32_t)s.d[i], &e);
    if (mm)
        mmx_begin(cpu, in);
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = d;
    DONE;
}

/* ---- rounding, dot products, approximations ---- */

BODY(op_round)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    bool packed_op = in->op == OP_ROUNDPS || in->op == OP_ROUNDPD;
    union xmm s = simd_read(cpu, in, 1, !packed_op), d = cpu->xmm[in->o[0].reg];
    int mode = in->imm & 4 ? e.round : (int)(in->imm & 3);
    bool inexact = !(in->imm & 8);
    if (in->op == OP_ROUNDPS || in->op == OP_ROUNDSS)
        for (int i = 0; i < (packed_op ? 4 : 1); i++)
            d.d[i] = fp_rint32(s.d[i], mode, inexact, &e);
    else
        for (int i = 0; i < (packed_op ? 2 : 1); i++)
            d.q[i] = fp_rint64(s.q[i], mode, inexact, &e);
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = d;
    DONE;
}

BODY(op_dp)
{
    cpu->cur = in;
    struct fp_env e = simd_env(cpu);
    union xmm s = simd_read(cpu, in, 1, false), d = cpu->xmm[in->o[0].reg], r = {.q = {0, 0}};
    uint32_t imm = in->imm;
    if (in->op == OP_DPPS) {
        uint32_t t[4];
        for (int i = 0; i < 4; i++)
            t[i] = imm >> (4 + i) & 1 ? fp_mul32(d.d[i], s.d[i], &e) : 0;
        e = simd_next_stage(cpu, in, &e);
        uint32_t a = fp_add32(t[0], t[1], &e), b = fp_add32(t[2], t[3], &e);
        e = simd_next_stage(cpu, in, &e);
        uint32_t sum = fp_add32(a, b, &e);
        for (int i = 0; i < 4; i++)
            r.d[i] = imm >> i & 1 ? sum : 0;
    } else {
        uint64_t t[2];
        for (int i = 0; i < 2; i++)
            t[i] = imm >> (4 + i) & 1 ? fp_mul64(d.q[i], s.q[i], &e) : 0;
        e = simd_next_stage(cpu, in, &e);
        uint64_t sum = fp_add64(t[0], t[1], &e);
        for (int i = 0; i < 2; i++)
            r.q[i] = imm >> i & 1 ? sum : 0;
    }
    simd_commit(cpu, in, &e);
    cpu->xmm[in->o[0].reg] = r;
    DONE;
}

/* RCP and RSQRT: hardware's tables differ between vendors within the documented relative error of
 * 1.5 * 2^-12; the exact value rounded to 12 significant bits lies within it. */
uint32_t simd_approximate(uint32_t a, bool root)
{
    struct fp_env e = {.mask = FP_ALL, .daz = 1, .ftz = 1};
    uint32_t abs = a & 0x7fffffff;
    if (abs > 0x7f800000)
        return a | 0x00400000;
    if (abs < 0x00800000)
        return (a & 0x80000000) | 0x7f800000;
    if (root && a >> 31)
        return 0xffc00000;
    if (abs == 0x7f800000)
        return a & 0x80000000;
    uint32_t r = fp_div32(0x3f800000, root ? fp_sqrt32(a, &e) : a, &e);
    return (r & 0x7fffffff) < 0x00800000 ? r & 0x80000000 : (r + 0x400) & ~0x7ffu;
}

BODY(op_approx)
{
    cpu->cur = in;
    bool packed_op = in->op == OP_RCPPS || in->op == OP_RSQRTPS;
    union xmm s = simd_read(cpu, in, 1, !packed_op), *d = &cpu->xmm[in->o[0].reg];
    for (int i = 0; i < (packed_op ? 4 : 1); i++)
        d->d[i] = simd_approximate(s.d[i], in->op == OP_RSQRTPS || in->op == OP_RSQRTSS);
    DONE;
}

insn_fn simd_bind_float(const struct insn *in)
{
    switch (in->op) {
#define S(OP, name) case OP_##OP##SS: return name##_ss; case OP_##OP##SD: return name##_sd;
    S(ADD, add) S(SUB, sub) S(MUL, mul) S(DIV, div) S(MIN, min) S(MAX, max) S(SQRT, sqrt)
#undef S
    case OP_HADDPS: case OP_HADDPD: case OP_HSUBPS: case OP_HSUBPD: case OP_ADDSUBPS:
    case OP_ADDSUBPD: return horizontal;
    case OP_CMPPS: case OP_CMPSS: case OP_CMPPD: case OP_CMPSD: return op_cmp;
    case OP_COMISS: case OP_COMISD: case OP_UCOMISS: case OP_UCOMISD: return op_comis;
    case OP_CVTDQ2PS: case OP_CVTDQ2PD: case OP_CVTPS2DQ: case OP_CVTTPS2DQ: case OP_CVTPD2DQ:
    case OP_CVTTPD2DQ: case OP_CVTPS2PD: case OP_CVTPD2PS: case OP_CVTSS2SD: case OP_CVTSD2SS:
    case OP_CVTSI2SS: case OP_CVTSI2SD: return op_cvt;
    case OP_CVTSS2SI: case OP_CVTTSS2SI: case OP_CVTSD2SI: case OP_CVTTSD2SI: return op_cvt_gpr;
    case OP_CVTPS2PI: case OP_CVTTPS2PI: case OP_CVTPD2PI: case OP_CVTTPD2PI:
        return op_cvt_to_mmx;
    case OP_CVTPI2PS: case OP_CVTPI2PD: return op_cvt_from_mmx;
    case OP_ROUNDPS: case OP_ROUNDSS: case OP_ROUNDPD: case OP_ROUNDSD: return op_round;
    case OP_DPPS: case OP_DPPD: return op_dp;
    case OP_RCPPS: case OP_RCPSS: case OP_RSQRTPS: case OP_RSQRTSS: return op_approx;
    default: return simd_row(in->op, false) ? packed : NULL;
    }
}
