/* Multiplication and division. */
#include "translate/aarch64/int.h"

/* CF = OF = "the upper half matters", which NE says; the other flags are undefined. */
static void overflow_flags(struct emit *e)
{
    a64_ccmp(e, A64_W, A64_ZR, A64_ZR, 1, A64_EQ);
    e->form = FORM_SUB;
}

/* d = a * imm by one instruction; false: it takes more. */
static bool times_constant(struct emit *e, unsigned d, unsigned a, uint32_t imm)
{
    bool more = imm > 2 && !((imm - 1) & (imm - 2)), less = -imm < INT32_MAX && !((1 - imm) & -imm);
    if (imm && !(imm & (imm - 1)))
        a64_lsl_imm(e, A64_W, d, a, (unsigned)__builtin_ctz(imm));
    else if (more)
        a64_add_sh(e, A64_W, d, a, a, A64_LSL, (unsigned)__builtin_ctz(imm - 1));
    else if (less)
        a64_sub_sh(e, A64_W, d, a, a, A64_LSL, (unsigned)__builtin_ctz(1 - imm));
    else
        return false;
    return true;
}

bool a64_op_mul(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e) & a64_kills(in);
    const struct opnd *s = &in->o[in->nopnd == 1 ? 0 : 1];
    bool one = in->nopnd == 1, is_signed = in->op == OP_IMUL;
    int src = s->size == 4 && a64_plain_kinds(in) ? a64_source32(e, in, s, A64_TMP0) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src, a = one ? (unsigned)A64_EAX : host_gpr(&in->o[0]), d = a;
    bool plain = !one && !(live & (NEED_C | NEED_V | NEED_LT));
    if (in->nopnd == 3 && plain && times_constant(e, d, r, in->imm))
        return true;
    if (in->nopnd == 3)
        a = a64_hold(e, in->imm);
    if (plain) {
        a64_mul(e, A64_W, d, a, r);
        return true;
    }
    if (is_signed)
        a64_smull(e, A64_TMP2, a, r);
    else
        a64_umull(e, A64_TMP2, a, r);
    a64_mov(e, A64_W, d, A64_TMP2);
    if (one)
        a64_lsr_imm(e, A64_X, A64_EDX, A64_TMP2, 32);
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, d);
    if (live & NEED_NZCV) {
        if (is_signed)
            a64_subs_ext(e, A64_X, A64_ZR, A64_TMP2, A64_TMP2, A64_SXTW, 0);
        else
            a64_must(a64_cmp_imm(e, A64_W, A64_EDX, 0));
        overflow_flags(e);
    }
    return true;
}

/* A source of 8 or 16 bits, extended to 32, in w`t`. False: nothing emitted. */
static bool narrow_source(struct emit *e, const struct insn *in, const struct opnd *s, bool sx,
                          unsigned t)
{
    struct a64_mem m;
    if (s->kind != OPND_MEM) {
        a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_W, t, host_gpr(s), is_high8(s) ? 8 : 0,
                   8u * s->size);
        return true;
    }
    if (!a64_mem_indexed(e, in, log2_of(s->size), &m))
        return false;
    a64_load(e, sx ? load_sx(s->size) : load_zx(s->size), t, &m);
    return true;
}

/* Of 8 and 16 bits. */
bool a64_op_mul8(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[in->nopnd == 1 ? 0 : 1];
    unsigned live = a64_live(e) & a64_kills(in), bits = 8u * d->size;
    bool sx = in->op == OP_IMUL, one = in->nopnd == 1;
    enum a64_bf extend = sx ? A64_SBFM : A64_UBFM;
    if (d->size == 4 || !a64_plain_kinds(in) || !narrow_source(e, in, s, sx, A64_TMP0))
        return false;
    if (in->nopnd == 3)
        a64_const(e, A64_TMP1, (uint32_t)(int16_t)in->imm);
    else
        a64_bf_get(e, extend, A64_W, A64_TMP1, one ? (unsigned)A64_EAX : host_gpr(d), 0, bits);
    a64_mul(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_bfi(e, A64_W, one ? (unsigned)A64_EAX : host_gpr(d), A64_TMP0, 0, 16);
    if (one && bits == 16)
        a64_bfxil(e, A64_W, A64_EDX, A64_TMP0, 16, 16);
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, A64_TMP0);
    if (live & NEED_NZCV) {
        a64_bf_get(e, extend, A64_W, A64_TMP1, A64_TMP0, 0, bits);
        a64_cmp(e, A64_W, A64_TMP0, A64_TMP1);
        overflow_flags(e);
    }
    return true;
}

static void slow_if_zero(struct emit *e, unsigned sf, unsigned r)
{
    uint8_t *at = e->p;
    a64_must(a64_cbz(e, sf, r, 0));
    a64_slow(e, at);
}

static void slow_unless_zero(struct emit *e, unsigned sf, unsigned r)
{
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, sf, r, 0));
    a64_slow(e, at);
}

/* The instruction before, if control can come only from there. */
static const struct insn *before(const struct emit *e)
{
    return a64_is_leader(e, e->index) || !e->index ? NULL : e->tr->insn[e->index - 1].in;
}

static bool edx_is_zero(const struct insn *p)
{
    if (!p || p->nopnd != 2 || p->o[0].kind != OPND_GPR || p->o[0].size != 4 ||
        p->o[0].reg != REG_EDX)
        return false;
    return (p->op == OP_XOR && p->o[1].kind == OPND_GPR && p->o[1].reg == REG_EDX) ||
           (p->op == OP_MOV && p->o[1].kind == OPND_IMM && !p->imm);
}

/* Of 8 and 16 bits: the dividend in w2, the divisor in w1. */
static bool narrow_div(struct emit *e, const struct insn *in)
{
    const struct opnd *s = &in->o[0];
    bool sx = in->op == OP_IDIV;
    unsigned bits = 8u * s->size, q = A64_TMP3;
    if (!a64_plain_kinds(in) || !narrow_source(e, in, s, sx, A64_TMP1))
        return false;
    a64_bf_get(e, sx && bits == 8 ? A64_SBFM : A64_UBFM, A64_W, A64_TMP2, A64_EAX, 0, 16);
    if (bits == 16)
        a64_bfi(e, A64_W, A64_TMP2, A64_EDX, 16, 16);
    slow_if_zero(e, A64_W, A64_TMP1);
    if (sx) {
        a64_sxtw(e, A64_TMP1, A64_TMP1);
        a64_sxtw(e, A64_TMP2, A64_TMP2);
        a64_sdiv(e, A64_X, q, A64_TMP2, A64_TMP1);
    } else {
        a64_udiv(e, A64_W, q, A64_TMP2, A64_TMP1);
    }
    a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_X, A64_TMP4, q, 0, bits);
    a64_eor(e, A64_X, A64_TMP4, A64_TMP4, q);
    slow_unless_zero(e, A64_X, A64_TMP4);
    a64_msub(e, A64_W, A64_TMP2, q, A64_TMP1, A64_TMP2);
    a64_bfi(e, A64_W, A64_EAX, q, 0, bits);
    if (bits == 8)
        a64_bfi(e, A64_W, A64_EAX, A64_TMP2, 8, 8);
    else
        a64_bfi(e, A64_W, A64_EDX, A64_TMP2, 0, 16);
    return true;
}

bool a64_op_div(struct emit *e, const struct insn *in)
{
    const struct opnd *s = &in->o[0];
    const struct insn *p = before(e);
    if (s->size < 4)
        return narrow_div(e, in);
    int src = s->size == 4 && a64_plain_kinds(in) ? a64_source32(e, in, s, A64_TMP1) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src, q = A64_TMP2;
    if (in->op == OP_DIV && edx_is_zero(p)) {
        slow_if_zero(e, A64_W, r);
        a64_udiv(e, A64_W, q, A64_EAX, r);
    } else if (in->op == OP_DIV) {
        uint8_t *at;
        a64_sub(e, A64_X, A64_TMP3, A64_EDX, r); /* below: the quotient fits, and r is not 0 */
        at = e->p;
        a64_must(a64_tbz(e, A64_TMP3, 63, 0));
        a64_slow(e, at);
        a64_orr_sh(e, A64_X, A64_TMP0, A64_EAX, A64_EDX, A64_LSL, 32);
        a64_udiv(e, A64_X, q, A64_TMP0, r);
    } else if (p && p->op == OP_CDQ) {
        a64_must(a64_add_imm(e, A64_W, A64_TMP3, r, 1)); /* 0 and -1 */
        a64_lsr_imm(e, A64_W, A64_TMP3, A64_TMP3, 1);
        slow_if_zero(e, A64_W, A64_TMP3);
        a64_sdiv(e, A64_W, q, A64_EAX, r);
    } else {
        a64_orr_sh(e, A64_X, A64_TMP0, A64_EAX, A64_EDX, A64_LSL, 32);
        a64_sxtw(e, A64_TMP4, r);
        slow_if_zero(e, A64_W, r);
        a64_sdiv(e, A64_X, q, A64_TMP0, A64_TMP4);
        a64_sxtw(e, A64_TMP3, q);
        a64_sub(e, A64_X, A64_TMP3, A64_TMP3, q);
        slow_unless_zero(e, A64_X, A64_TMP3);
    }
    a64_msub(e, A64_W, A64_EDX, q, r, A64_EAX);
    a64_mov(e, A64_W, A64_EAX, q);
    return true;
}

bool a64_op_aam(struct emit *e, const struct insn *in)
{
    unsigned base = in->imm & 0xff;
    if (!base)
        return false;
    a64_uxtb(e, A64_W, A64_TMP0, A64_EAX);
    a64_const(e, A64_TMP1, base);
    a64_udiv(e, A64_W, A64_TMP2, A64_TMP0, A64_TMP1);
    a64_msub(e, A64_W, A64_TMP3, A64_TMP2, A64_TMP1, A64_TMP0);
    a64_orr_sh(e, A64_W, A64_TMP0, A64_TMP3, A64_TMP2, A64_LSL, 8);
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
    a64_narrow_result_flags(e, A64_TMP3, 1, a64_live(e));
    return true;
}

bool a64_op_aad(struct emit *e, const struct insn *in)
{
    a64_ubfx(e, A64_W, A64_TMP0, A64_EAX, 8, 8);
    a64_const(e, A64_TMP1, in->imm & 0xff);
    a64_madd(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1, A64_EAX);
    a64_uxtb(e, A64_W, A64_TMP0, A64_TMP0);
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
    a64_narrow_result_flags(e, A64_TMP0, 1, a64_live(e));
    return true;
}
