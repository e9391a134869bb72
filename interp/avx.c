/* VEX instructions on integers and bytes: the operations of SSE on each 128-bit lane, and those that
 * AVX and AVX2 add. */
#include "interp/avx.h"

/* ---- what SSE has, lane by lane ---- */

enum shape {
    SHAPE_NONE,
    SHAPE_BINARY,  /* d = a op b */
    SHAPE_UNARY,   /* d = op b */
    SHAPE_SHIFT,   /* by the low 64 bits of b, or an immediate */
    SHAPE_EXTEND2, /* the source has a half, a quarter, an eighth of the destination's bytes */
    SHAPE_EXTEND4,
    SHAPE_EXTEND8,
};

static const struct row {
    uint16_t op;       /* of SSE */
    uint8_t shape;
    uint8_t imm_shift; /* how far the upper lane's part of the immediate is above the lower's */
} rows[OP_COUNT] = {
#define B(name) [OP_V##name] = {OP_##name, SHAPE_BINARY, 0},
#define U(name) [OP_V##name] = {OP_##name, SHAPE_UNARY, 0},
#define S(name) [OP_V##name] = {OP_##name, SHAPE_SHIFT, 0},
#define I(name, n) [OP_V##name] = {OP_##name, SHAPE_BINARY, n},
#define E(name, n) [OP_V##name] = {OP_##name, SHAPE_EXTEND##n, 0},
    B(PADDB) B(PADDW) B(PADDD) B(PADDQ) B(PSUBB) B(PSUBW) B(PSUBD) B(PSUBQ) B(PADDSB) B(PADDSW)
    B(PADDUSB) B(PADDUSW) B(PSUBSB) B(PSUBSW) B(PSUBUSB) B(PSUBUSW) B(PAND) B(PANDN) B(POR) B(PXOR)
    B(ANDPS) B(ANDPD) B(ANDNPS) B(ANDNPD) B(ORPS) B(ORPD) B(XORPS) B(XORPD)
    B(PCMPEQB) B(PCMPEQW) B(PCMPEQD) B(PCMPEQQ) B(PCMPGTB) B(PCMPGTW) B(PCMPGTD) B(PCMPGTQ)
    B(PMULLW) B(PMULHW) B(PMULHUW) B(PMULLD) B(PMULHRSW) B(PMULUDQ) B(PMULDQ) B(PAVGB) B(PAVGW)
    B(PMINUB) B(PMAXUB) B(PMINSB) B(PMAXSB) B(PMINSW) B(PMAXSW) B(PMINUW) B(PMAXUW)
    B(PMINSD) B(PMAXSD) B(PMINUD) B(PMAXUD) B(PSIGNB) B(PSIGNW) B(PSIGND)
    B(PMADDWD) B(PMADDUBSW) B(PSADBW) B(PHADDW) B(PHADDD) B(PHADDSW) B(PHSUBW) B(PHSUBD) B(PHSUBSW)
    B(PACKSSWB) B(PACKUSWB) B(PACKSSDW) B(PACKUSDW) B(PUNPCKLBW) B(PUNPCKHBW) B(PUNPCKLWD)
    B(PUNPCKHWD) B(PUNPCKLDQ) B(PUNPCKHDQ) B(PUNPCKLQDQ) B(PUNPCKHQDQ)
    B(UNPCKLPS) B(UNPCKHPS) B(UNPCKLPD) B(UNPCKHPD) B(PALIGNR) B(PSHUFB) B(SHUFPS) I(SHUFPD, 2)
    B(PBLENDW) I(BLENDPS, 4) I(BLENDPD, 2) I(MPSADBW, 3)
    B(AESENC) B(AESENCLAST) B(AESDEC) B(AESDECLAST) B(PCLMULQDQ)
    B(GF2P8MULB) B(GF2P8AFFINEQB) B(GF2P8AFFINEINVQB)
    U(PABSB) U(PABSW) U(PABSD) U(PSHUFD) U(PSHUFLW) U(PSHUFHW) U(MOVSHDUP) U(MOVSLDUP) U(MOVDDUP)
    U(PHMINPOSUW) U(AESIMC) U(AESKEYGENASSIST)
    S(PSLLW) S(PSLLD) S(PSLLQ) S(PSRLW) S(PSRLD) S(PSRLQ) S(PSRAW) S(PSRAD) S(PSLLDQ) S(PSRLDQ)
    E(PMOVSXBW, 2) E(PMOVSXBD, 4) E(PMOVSXBQ, 8) E(PMOVSXWD, 2) E(PMOVSXWQ, 4) E(PMOVSXDQ, 2)
    E(PMOVZXBW, 2) E(PMOVZXBD, 4) E(PMOVZXBQ, 8) E(PMOVZXWD, 2) E(PMOVZXWQ, 4) E(PMOVZXDQ, 2)
#undef B
#undef U
#undef S
#undef I
#undef E
};

static lane_fn lane(const struct row *r)
{
    lane_fn f = simd_lane(r->op);
    return f ? f : simd_crypto(r->op);
}

BODY(binary)
{
    cpu->cur = in;
    const struct row *r = &rows[in->op];
    lane_fn f = lane(r);
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    f(&d.x[0], &b.x[0], 16, in->imm & 0xff);
    if (in->o[0].kind == OPND_YMM)
        f(&d.x[1], &b.x[1], 16, (in->imm & 0xff) >> r->imm_shift);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(unary)
{
    cpu->cur = in;
    lane_fn f = lane(&rows[in->op]);
    union ymm b = avx_read(cpu, in, 1), d = b;
    for (unsigned i = 0; i < avx_bytes(&in->o[0]) / 16; i++)
        f(&d.x[i], &b.x[i], 16, in->imm & 0xff);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(shift)
{
    cpu->cur = in;
    lane_fn f = lane(&rows[in->op]);
    union ymm n = {.q = {in->imm & 0xff, 0, 0, 0}}, d = avx_read(cpu, in, 1);
    if (in->o[2].kind != OPND_IMM)
        n = avx_read(cpu, in, 2);
    for (unsigned i = 0; i < 2; i++)
        f(&d.x[i], &n.x[0], 16, 0);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(extend)
{
    cpu->cur = in;
    const struct row *r = &rows[in->op];
    lane_fn f = lane(r);
    unsigned ratio = r->shape == SHAPE_EXTEND2 ? 2 : r->shape == SHAPE_EXTEND4 ? 4 : 8;
    union ymm s = avx_read(cpu, in, 1), d;
    union xmm high = {.q = {0, 0}};
    memcpy(&high, s.b + 16 / ratio, 16 / ratio);
    f(&d.x[0], &s.x[0], 16, 0);
    f(&d.x[1], &high, 16, 0);
    avx_write(cpu, in, &d);
    DONE;
}

/* ---- blends and permutations ---- */

BODY(blendv)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1), m = avx_read(cpu, in, 3);
    unsigned size = in->op == OP_VPBLENDVB ? 1 : in->op == OP_VBLENDVPS ? 4 : 8;
    for (unsigned i = 0; i < 32; i++)
        if (m.b[i / size * size + size - 1] & 0x80)
            d.b[i] = b.b[i];
    avx_write(cpu, in, &d);
    DONE;
}

BODY(blendd)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < 8; i++)
        if (in->imm >> i & 1)
            d.d[i] = b.d[i];
    avx_write(cpu, in, &d);
    DONE;
}

static unsigned element_size(unsigned op)
{
    switch (op) {
    case OP_VPBROADCASTB: return 1;
    case OP_VPBROADCASTW: return 2;
    case OP_VBROADCASTSS: case OP_VPBROADCASTD: return 4;
    case OP_VBROADCASTSD: case OP_VPBROADCASTQ: return 8;
    default: return 16;
    }
}

BODY(broadcast)
{
    cpu->cur = in;
    unsigned size = element_size(in->op);
    union ymm s = avx_read(cpu, in, 1), d;
    for (unsigned i = 0; i < 32; i += size)
        memcpy(d.b + i, s.b, size);
    avx_write(cpu, in, &d);
    DONE;
}

static union xmm select128(const union ymm *a, const union ymm *b, unsigned how)
{
    if (how & 8)
        return (union xmm){.q = {0, 0}};
    return how & 2 ? b->x[how & 1] : a->x[how & 1];
}

BODY(perm128)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), a = avx_read(cpu, in, 1), d;
    d.x[0] = select128(&a, &b, in->imm & 15);
    d.x[1] = select128(&a, &b, in->imm >> 4 & 15);
    avx_write(cpu, in, &d);
    DONE;
}

BODY(insert128)
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    d.x[in->imm & 1] = b.x[0];
    avx_write(cpu, in, &d);
    DONE;
}

BODY(perm_dwords) /* VPERMD VPERMPS: indices, then data */
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 2), i = avx_read(cpu, in, 1), d;
    for (unsigned k = 0; k < 8; k++)
        d.d[k] = b.d[i.d[k] & 7];
    avx_write(cpu, in, &d);
    DONE;
}

BODY(perm_qwords) /* VPERMQ VPERMPD */
{
    cpu->cur = in;
    union ymm b = avx_read(cpu, in, 1), d;
    for (unsigned k = 0; k < 4; k++)
        d.q[k] = b.q[in->imm >> 2 * k & 3];
    avx_write(cpu, in, &d);
    DONE;
}

BODY(permil) /* within lanes, by a register or an immediate */
{
    cpu->cur = in;
    bool by_imm = in->o[2].kind == OPND_IMM;
    union ymm a = avx_read(cpu, in, 1), c = {.q = {0, 0, 0, 0}}, d;
    if (!by_imm)
        c = avx_read(cpu, in, 2);
    if (in->op == OP_VPERMILPS)
        for (unsigned k = 0; k < 8; k++)
            d.d[k] = a.d[(k & 4) + ((by_imm ? in->imm >> 2 * (k & 3) : c.d[k]) & 3)];
    else
        for (unsigned k = 0; k < 4; k++)
            d.q[k] = a.q[(k & 2) + ((by_imm ? in->imm >> k : (uint32_t)c.q[k] >> 1) & 1)];
    avx_write(cpu, in, &d);
    DONE;
}

BODY(shift_each) /* VPSLLV VPSRLV VPSRAV */
{
    cpu->cur = in;
    union ymm n = avx_read(cpu, in, 2), d = avx_read(cpu, in, 1);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t v = d.d[i], k = n.d[i];
        if (in->op == OP_VPSLLVD)
            d.d[i] = k < 32 ? v << k : 0;
        else if (in->op == OP_VPSRLVD)
            d.d[i] = k < 32 ? v >> k : 0;
        else if (in->op == OP_VPSRAVD)
            d.d[i] = (uint32_t)((int32_t)v >> (k < 31 ? k : 31));
    }
    for (unsigned i = 0; i < 4; i++) {
        if (in->op == OP_VPSLLVQ)
            d.q[i] = n.q[i] < 64 ? d.q[i] << n.q[i] : 0;
        else if (in->op == OP_VPSRLVQ)
            d.q[i] = n.q[i] < 64 ? d.q[i] >> n.q[i] : 0;
    }
    avx_write(cpu, in, &d);
    DONE;
}

/* ---- tests ---- */

BODY(test) /* VPTEST; VTESTPS VTESTPD look at signs only */
{
    cpu->cur = in;
    union ymm s = avx_read(cpu, in, 1), d = avx_read(cpu, in, 0);
    const uint64_t mask = in->op == OP_VTESTPS ? UINT64_C(0x8000000080000000)
                          : in->op == OP_VTESTPD ? UINT64_C(1) << 63 : UINT64_MAX;
    uint64_t both = 0, only = 0;
    for (unsigned i = 0; i < 4; i++) {
        both |= s.q[i] & d.q[i] & mask;
        only |= s.q[i] & ~d.q[i] & mask;
    }
    flags_set_status(cpu, (both ? 0 : EFL_ZF) | (only ? 0 : EFL_CF));
    DONE;
}

BODY(movmsk)
{
    cpu->cur = in;
    union ymm s = avx_read(cpu, in, 1);
    unsigned size = in->op == OP_VPMOVMSKB ? 1 : in->op == OP_VMOVMSKPS ? 4 : 8;
    uint32_t r = 0;
    for (unsigned i = 0; i < 32 / size; i++)
        r |= (uint32_t)(s.b[i * size + size - 1] >> 7) << i;
    cpu->gpr[in->o[0].reg] = r;
    DONE;
}

HANDLER(op_vzeroupper)
{
    memset(cpu->ymmh, 0, sizeof cpu->ymmh);
    memset(cpu->zmmh, 0, sizeof cpu->zmmh);
    NEXT;
}

HANDLER(op_vzeroall)
{
    memset(cpu->ymmh, 0, sizeof cpu->ymmh);
    memset(cpu->zmmh, 0, sizeof cpu->zmmh);
    memset(cpu->xmm, 0, sizeof cpu->xmm);
    NEXT;
}

static insn_fn bind_shape(unsigned shape)
{
    switch (shape) {
    case SHAPE_BINARY: return binary;
    case SHAPE_UNARY: return unary;
    case SHAPE_SHIFT: return shift;
    case SHAPE_EXTEND2: case SHAPE_EXTEND4: case SHAPE_EXTEND8: return extend;
    default: return NULL;
    }
}

static insn_fn bind(const struct insn *in)
{
    switch (in->op) {
    case OP_VPBLENDVB: case OP_VBLENDVPS: case OP_VBLENDVPD: return blendv;
    case OP_VPBLENDD: return blendd;
    case OP_VBROADCASTSS: case OP_VBROADCASTSD: case OP_VBROADCASTF128: case OP_VBROADCASTI128:
    case OP_VPBROADCASTB: case OP_VPBROADCASTW: case OP_VPBROADCASTD: case OP_VPBROADCASTQ:
        return broadcast;
    case OP_VPERM2F128: case OP_VPERM2I128: return perm128;
    case OP_VINSERTF128: case OP_VINSERTI128: return insert128;
    case OP_VPERMD: case OP_VPERMPS: return perm_dwords;
    case OP_VPERMQ: case OP_VPERMPD: return perm_qwords;
    case OP_VPERMILPS: case OP_VPERMILPD: return permil;
    case OP_VPSLLVD: case OP_VPSLLVQ: case OP_VPSRLVD: case OP_VPSRLVQ: case OP_VPSRAVD:
        return shift_each;
    case OP_VPTEST: case OP_VTESTPS: case OP_VTESTPD: return test;
    case OP_VPMOVMSKB: case OP_VMOVMSKPS: case OP_VMOVMSKPD: return movmsk;
    case OP_VZEROUPPER: return op_vzeroupper;
    case OP_VZEROALL: return op_vzeroall;
    default: return bind_shape(rows[in->op].shape);
    }
}

insn_fn interp_bind_avx(const struct insn *in)
{
    insn_fn fn = bind(in);
    if (!fn)
        fn = avx_bind_move(in);
    if (!fn)
        fn = avx_bind_float(in);
    return fn ? fn : avx_bind_fma(in);
}
