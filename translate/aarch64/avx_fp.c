/* VEX floating point that SSE has not: fused multiplication and addition, half precision; conversions between 16
 * and 32 bytes.
 *
 * Of several NaNs x86 takes the first factor's, then the second's, then the addend's; Arm begins with the addend.
 * As signs may differ too, a fused result that is a NaN is left to the interpreter: a comparison of it with
 * itself, which raises IOC, comes before the look at FPSR (simd.h). */
#include "translate/aarch64/avx.h"

#include "decode/decode.h"

/* ---- fused ---- */

struct fused {
    uint8_t x, y, z; /* operands: factors, addend */
    bool negate_product, negate_addend, alternate, scalar;
    uint8_t bytes;
};

/* VF[N]M{ADD|SUB|ADDSUB|SUBADD}{132|213|231}{P|S}{S|D} */
static bool parse_fused(unsigned op, struct fused *f)
{
    const char *s = decode_op_name((enum op)op);
    if (strncmp(s, "VFM", 3) && strncmp(s, "VFNM", 4))
        return false;
    *f = (struct fused){.negate_product = s[2] == 'N'};
    s += f->negate_product ? 4 : 3;
    f->negate_addend = *s == 'S';
    f->alternate = s[3] > '9';
    s += f->alternate ? 6 : 3;
    f->x = (uint8_t)(s[0] - '1');
    f->y = (uint8_t)(s[1] - '1');
    f->z = (uint8_t)(s[2] - '1');
    f->scalar = s[3] == 'S';
    f->bytes = s[4] == 'S' ? 4 : 8;
    return true;
}

static void fused_scalar(struct emit *e, const struct insn *in, const struct fused *f)
{
    static const enum a64_fp3 ops[2][2] = {{A64_FMADD, A64_FNMSUB}, {A64_FMSUB, A64_FNMADD}};
    unsigned v[3], x = in->o[0].reg, bytes = f->bytes;
    enum a64_arr arr = bytes == 8 ? A64_D1 : A64_S1;
    if (in->o[2].kind == OPND_MEM)
        simd_load_operand(e, in, &in->o[2], V0);
    for (unsigned twice = 0; twice < 2; twice++) /* the first read of one may move another */
        for (unsigned i = 0; i < 3; i++)
            v[i] = run_read_low(e, avx_number(in, i, 0), bytes);
    run_keeps_nan(x, arr);
    if (e->afp) { /* its other bytes are those of the addend's register */
        unsigned d = e->exact && f->z == 0 ? run_modify(e, x, bytes) : (unsigned)V7;
        a64_fp3(e, ops[f->negate_product][f->negate_addend], bytes == 8 ? A64_D : A64_S, d, v[f->x], v[f->y], v[f->z]);
        if (d == V7)
            simd_put_low(e, in, V7, bytes);
        avx_clear_upper(e, in);
        return;
    }
    unsigned to = run_write_low(e, x, bytes);
    a64_fp3(e, ops[f->negate_product][f->negate_addend], bytes == 8 ? A64_D : A64_S, to, v[f->x], v[f->y], v[f->z]);
    run_merge(e, x, bytes, to);
    run_may_be_nan(x, arr);
    avx_clear_upper(e, in);
}

static void negate(struct emit *e, enum a64_arr arr, unsigned d, unsigned n)
{
    if (e->afp)
        simd_negate(e, arr, d, n);
    else
        a64_v2f(e, A64_V_FNEG, arr, d, n);
}

/* v`d` = the addend with its signs. */
static void put_addend(struct emit *e, const struct fused *f, enum a64_arr arr, unsigned d, unsigned z)
{
    if (!f->alternate) {
        if (f->negate_addend)
            negate(e, arr, d, z);
        else if (d != z)
            a64_v_mov(e, d, z);
        return;
    }
    negate(e, arr, V6, z);
    if (d != z)
        a64_v_mov(e, d, z);
    for (unsigned i = f->negate_addend; i < 16u / f->bytes; i += 2)
        a64_ins(e, arr, d, i, V6, i);
}

static void fused_half(struct emit *e, const struct insn *in, const struct fused *f, unsigned half)
{
    enum a64_arr arr = f->bytes == 8 ? A64_2D : A64_4S;
    unsigned v[3], x = avx_half(&in->o[0], half);
    for (unsigned i = 0; i < 3; i++)
        v[i] = run_read(e, avx_number(in, i, half));
    run_keeps_nan(x, arr);
    unsigned to = run_write(e, x, 16), d = to;
    if (to == v[f->x] || to == v[f->y]) /* what is added to must be another register */
        d = v[f->z] <= V7 ? v[f->z] : (unsigned)V5;
    put_addend(e, f, arr, d, v[f->z]);
    a64_v3f(e, f->negate_product ? A64_V_FMLS : A64_V_FMLA, arr, d, v[f->x], v[f->y]);
    if (d != to)
        a64_v_mov(e, to, d);
    run_may_be_nan(x, arr);
}

static void fused(struct emit *e, const struct insn *in)
{
    struct fused f;
    parse_fused(in->op, &f);
    run_computes(0);
    if (f.scalar) {
        fused_scalar(e, in, &f);
        return;
    }
    if (in->o[2].kind == OPND_MEM)
        avx_read(e, in, 2);
    fused_half(e, in, &f, 0);
    if (avx_is_ymm(&in->o[0]))
        fused_half(e, in, &f, 1);
    else
        avx_clear_upper(e, in);
}

/* ---- conversions ---- */

static void ints_to_doubles(struct emit *e, const struct insn *in) /* VCVTDQ2PD ymm */
{
    unsigned from = avx_read(e, in, 1).lo, hi = run_write(e, avx_half(&in->o[0], 1), 16);
    a64_sxtl(e, A64_4S, hi, from);
    a64_v2f(e, A64_V_SCVTF, A64_2D, hi, hi);
    unsigned lo = run_write(e, in->o[0].reg, 16);
    a64_sxtl(e, A64_2S, lo, from);
    a64_v2f(e, A64_V_SCVTF, A64_2D, lo, lo);
}

static void longer(struct emit *e, const struct insn *in) /* VCVTPS2PD VCVTPH2PS ymm */
{
    enum a64_arr arr = in->op == OP_VCVTPS2PD ? A64_2S : A64_4H;
    run_computes(0);
    unsigned from = avx_read(e, in, 1).lo;
    a64_fcvtl(e, (enum a64_arr)(arr | 1), run_write(e, avx_half(&in->o[0], 1), 16), from);
    a64_fcvtl(e, arr, run_write(e, in->o[0].reg, 16), from);
}

static void from_half_xmm(struct emit *e, const struct insn *in) /* VCVTPH2PS xmm */
{
    run_computes(0);
    unsigned from = avx_read(e, in, 1).lo;
    a64_fcvtl(e, A64_4H, run_write(e, in->o[0].reg, 16), from);
    avx_clear_upper(e, in);
}

static void doubles_to_singles(struct emit *e, const struct insn *in) /* VCVTPD2PS of 32 bytes */
{
    run_computes(0);
    struct halves s = avx_read(e, in, 1);
    unsigned d = run_write(e, in->o[0].reg, 16);
    a64_fcvtn(e, A64_2S, d, s.lo);
    a64_fcvtn(e, A64_4S, d, s.hi);
    avx_clear_upper(e, in);
}

static void doubles_to_ints(struct emit *e, const struct insn *in) /* VCVTPD2DQ VCVTTPD2DQ of 32 bytes */
{
    run_computes(0);
    struct halves s = avx_read(e, in, 1);
    if (e->afp) {
        simd_round_to_ints(e, A64_2D, in->op == OP_VCVTTPD2DQ, V3, s.lo);
        simd_round_to_ints(e, A64_2D, in->op == OP_VCVTTPD2DQ, V4, s.hi);
        a64_v3(e, A64_V_UZP1, A64_4S, run_write(e, in->o[0].reg, 16), V3, V4);
        avx_clear_upper(e, in);
        return;
    }
    for (unsigned half = 0; half < 2; half++) { /* one by one: only so what does not fit 32 bits is noticed */
        unsigned v = half ? s.hi : s.lo;
        if (in->op == OP_VCVTPD2DQ) {
            a64_v2f(e, A64_V_FRINTX, A64_2D, V3, v);
            v = V3;
        }
        a64_dup(e, A64_D1, V4, v, 1);
        a64_fcvtzs(e, A64_W, A64_D, A64_TMP0 + 2 * half, v);
        a64_fcvtzs(e, A64_W, A64_D, A64_TMP1 + 2 * half, V4);
    }
    unsigned d = run_write(e, in->o[0].reg, 16);
    a64_fmov_from_gpr(e, A64_W, d, A64_TMP0);
    for (unsigned i = 1; i < 4; i++)
        a64_ins_gpr(e, A64_4S, d, i, A64_TMP0 + i);
    avx_clear_upper(e, in);
}

/* Rounding as the immediate says, unless as MXCSR does: w`A64_TMP2` keeps what FPCR is. */
static void set_rounding(struct emit *e, unsigned imm)
{
    static const uint8_t mode[4] = {0, 2, 1, 3};
    a64_mrs(e, A64_TMP2, A64_FPCR);
    a64_must(a64_and_imm(e, A64_W, A64_TMP3, A64_TMP2, ~(3u << 22)));
    if (mode[imm & 3])
        a64_must(a64_orr_imm(e, A64_W, A64_TMP3, A64_TMP3, (uint32_t)mode[imm & 3] << 22));
    a64_msr(e, A64_FPCR, A64_TMP3);
}

/* A denormal result that is exact, which no bit of FPSR tells but which is an exception if it is not masked, raises
 * IOC: a comparison of a NaN. */
static void notice_denormals(struct emit *e, unsigned v)
{
    a64_vshl(e, A64_VI_SHL, A64_8H, V3, v, 1);
    a64_vimm_h(e, A64_MOVI, true, V4, 1, 0);
    a64_v3(e, A64_V_SUB, A64_8H, V3, V3, V4);
    a64_vimm_h(e, A64_MVNI, true, V4, 0xf8, 8);
    a64_v3(e, A64_V_CMHI, A64_8H, V3, V4, V3);
    a64_vshl(e, A64_VI_SHL, A64_4S, V4, V3, 16);
    a64_v3(e, A64_V_ORR, A64_16B, V3, V3, V4);
    a64_v3f(e, A64_V_FCMGE, A64_4S, V3, V3, V3);
}

static void to_half(struct emit *e, const struct insn *in) /* VCVTPS2PH */
{
    bool own = !(in->imm & 4), undone = e->exact && in->o[0].kind == OPND_MEM; /* FPSR, until it is stored */
    run_computes(0);
    struct halves s = avx_read(e, in, 1);
    if (undone)
        a64_mrs(e, A64_TMP4, A64_FPSR);
    if (own)
        set_rounding(e, in->imm);
    a64_fcvtn(e, A64_4H, V6, s.lo);
    if (avx_is_ymm(&in->o[1]))
        a64_fcvtn(e, A64_8H, V6, s.hi);
    if (own)
        a64_msr(e, A64_FPCR, A64_TMP2);
    if (!e->exact)
        notice_denormals(e, V6);
    if (undone) {
        a64_mrs(e, A64_TMP5, A64_FPSR);
        a64_msr(e, A64_FPSR, A64_TMP4);
    }
    if (in->o[0].kind == OPND_MEM) {
        simd_store(e, in, V6);
        if (undone)
            a64_msr(e, A64_FPSR, A64_TMP5);
        return;
    }
    a64_v_mov(e, run_write(e, in->o[0].reg, avx_is_ymm(&in->o[1]) ? 16 : 8), V6);
    avx_clear_upper(e, in);
}

avx_fn avx_choose_fp(const struct insn *in)
{
    struct fused f;
    bool ymm = avx_is_ymm(&in->o[0]), from_32 = avx_is_ymm(&in->o[1]) || in->o[1].size == 32;
    switch (in->op) {
    case OP_VCVTDQ2PD: return ymm ? ints_to_doubles : NULL;
    case OP_VCVTPS2PD: return ymm ? longer : NULL;
    case OP_VCVTPH2PS: return ymm ? longer : from_half_xmm;
    case OP_VCVTPS2PH: return to_half;
    case OP_VCVTPD2PS: return from_32 ? doubles_to_singles : NULL;
    case OP_VCVTPD2DQ: case OP_VCVTTPD2DQ: return from_32 ? doubles_to_ints : NULL;
    default: return parse_fused(in->op, &f) ? fused : NULL;
    }
}
