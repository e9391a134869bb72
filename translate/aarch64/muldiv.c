/* Multiplication and division. */
#include "translate/aarch64/int.h"

/* CF = OF = "the upper half matters", which NE says; the other flags are undefined. */
static void overflow_flags(struct emit *e)
{
    a64_ccmp(e, A64_W, A64_ZR, A64_ZR, 1, A64_EQ);
    e->form = FORM_SUB;
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
    if (in->nopnd == 3) {
        a64_const(e, A64_TMP1, in->imm);
        a = A64_TMP1;
    }
    if (!one && !(live & (NEED_C | NEED_V | NEED_LT))) {
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

bool a64_op_mul8(struct emit *e, const struct insn *in)
{
    if (in->nopnd != 1 || in->o[0].size != 1 || (a64_live(e) & a64_kills(in)))
        return false;
    const struct opnd *s = &in->o[0];
    struct a64_mem m;
    bool sx = in->op == OP_IMUL;
    if (s->kind == OPND_MEM) {
        if (!a64_mem(e, in, 0, &m))
            return false;
        a64_load(e, sx ? A64_LDRSB_W : A64_LDRB, A64_TMP0, &m);
    } else {
        a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_W, A64_TMP0, host_gpr(s), is_high8(s) ? 8 : 0,
                   8);
    }
    a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_W, A64_TMP1, A64_EAX, 0, 8);
    a64_mul(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
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

bool a64_op_div(struct emit *e, const struct insn *in)
{
    const struct opnd *s = &in->o[0];
    const struct insn *p = before(e);
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
