/* The guest's flags in the host's: which are read and written by the code for an instruction, what
 * the host's condition for a guest's is, and how the forms turn into each other. */
#include "translate/aarch64/int.h"

#include "decode/decode.h"

/* Of JCC, SETCC, CMOVCC by condition / 2. */
static const uint8_t cc_reads[8] = {NEED_V, NEED_C, NEED_Z, NEED_C | NEED_Z, NEED_N, NEED_P,
                                    NEED_LT, NEED_LT | NEED_Z};

unsigned a64_reads(const struct insn *in)
{
    if (in->op == OP_JCC || in->op == OP_SETCC || in->op == OP_CMOVCC)
        return cc_reads[(in->cc & 15) >> 1];
    return translate_reads(in);
}

unsigned a64_kills(const struct insn *in)
{
    unsigned w = translate_overwrites(in);
    if ((w & (NEED_N | NEED_V)) == (NEED_N | NEED_V))
        w |= NEED_LT;
    return w;
}

/* ---- forms ---- */

void a64_flip_c(struct emit *e)
{
    if (a64_has.flagm) {
        a64_cfinv(e);
        return;
    }
    a64_mrs(e, A64_STUB, A64_NZCV);
    a64_must(a64_eor_imm(e, A64_X, A64_STUB, A64_STUB, 1u << 29));
    a64_msr(e, A64_NZCV, A64_STUB);
}

static void settle_fcmp(struct emit *e, unsigned live)
{
    if (live & (NEED_P | NEED_A))
        a64_cset(e, A64_W, A64_PF, A64_VC);
    if (!(live & NEED_NZCV))
        return;
    if (a64_has.flagm2) {
        a64_axflag(e);
        return;
    }
    a64_cset(e, A64_W, A64_STUB, A64_EQ); /* ZF: equal or unordered */
    a64_csinc(e, A64_W, A64_STUB, A64_STUB, A64_ZR, A64_VC);
    a64_cset(e, A64_W, A64_TARGET, A64_GE); /* !CF */
    a64_lsl_imm(e, A64_W, A64_STUB, A64_STUB, 30);
    a64_orr_sh(e, A64_W, A64_STUB, A64_STUB, A64_TARGET, A64_LSL, 29);
    a64_msr(e, A64_NZCV, A64_STUB);
}

void a64_settle_flags(struct emit *e, unsigned live)
{
    if (e->form == FORM_FCMP)
        settle_fcmp(e, live);
    else if (e->form == FORM_ADD && (live & NEED_C))
        a64_flip_c(e);
    e->form = FORM_SUB;
}

void a64_want_form(struct emit *e, enum a64_form form)
{
    if (e->form == FORM_FCMP)
        a64_settle_flags(e, NEED_ALL);
    if (e->form != form)
        a64_flip_c(e);
    e->form = form;
}

/* ---- conditions ---- */

enum a64_cond a64_cond_of(const struct emit *e, unsigned cc)
{
    static const uint8_t sub[16] = {A64_VS, A64_VC, A64_CC, A64_CS, A64_EQ, A64_NE, A64_LS, A64_HI,
                                    A64_MI, A64_PL, A64_AL, A64_AL, A64_LT, A64_GE, A64_LE, A64_GT};
    static const uint8_t add[4] = {[0] = A64_CS, [1] = A64_CC, [2] = A64_AL, [3] = A64_AL};
    static const uint8_t fcmp[16] = {A64_AL, A64_AL, A64_LT, A64_GE, A64_AL, A64_AL, A64_LE, A64_GT,
                                     A64_AL, A64_AL, A64_VS, A64_VC, A64_AL, A64_AL, A64_AL, A64_AL};
    cc &= 15;
    if (e->form == FORM_FCMP)
        return fcmp[cc];
    if (e->form == FORM_ADD && (cc == 2 || cc == 3))
        return add[cc - 2];
    if (e->form == FORM_ADD && (cc == 6 || cc == 7))
        return A64_AL;
    return sub[cc];
}

void a64_get_odd_parity(struct emit *e, unsigned d)
{
    a64_eor_sh(e, A64_W, d, A64_PF, A64_PF, A64_LSR, 4);
    a64_eor_sh(e, A64_W, d, d, d, A64_LSR, 2);
    a64_eor_sh(e, A64_W, d, d, d, A64_LSR, 1);
}

/* ---- single flags, and those of a result ---- */

void a64_set_c_bit(struct emit *e, unsigned n, unsigned bit)
{
    if (a64_has.flagm) {
        a64_rmif(e, n, (bit + 63) & 63, 2);
    } else {
        a64_mrs(e, A64_STUB, A64_NZCV);
        a64_lsr_imm(e, A64_X, A64_TARGET, n, bit);
        a64_bfi(e, A64_X, A64_STUB, A64_TARGET, 29, 1);
        a64_msr(e, A64_NZCV, A64_STUB);
    }
    e->form = FORM_ADD;
}

void a64_set_v_bit(struct emit *e, unsigned n, unsigned bit)
{
    if (a64_has.flagm) {
        a64_rmif(e, n, bit, 1);
        return;
    }
    a64_mrs(e, A64_STUB, A64_NZCV);
    a64_lsr_imm(e, A64_X, A64_TARGET, n, bit);
    a64_bfi(e, A64_X, A64_STUB, A64_TARGET, 28, 1);
    a64_msr(e, A64_NZCV, A64_STUB);
}

void a64_result_flags(struct emit *e, unsigned r, unsigned live)
{
    if ((live & (NEED_P | NEED_A)) && (live & NEED_NZCV)) {
        a64_must(a64_subs_imm(e, A64_W, A64_PF, r, 0)); /* no borrow: CF is 0 */
        e->form = FORM_SUB;
    } else if (live & NEED_NZCV) {
        if (a64_fuse_result(e, r))
            return;
        a64_must(a64_cmp_imm(e, A64_W, r, 0));
        e->form = FORM_SUB;
    } else if (live && r != A64_PF) {
        a64_mov(e, A64_W, A64_PF, r);
    }
}

void a64_narrow_result_flags(struct emit *e, unsigned r, unsigned size, unsigned live)
{
    if ((live & (NEED_P | NEED_A)) && (live & NEED_NZCV)) {
        a64_sbfx(e, A64_W, A64_PF, r, 0, 8 * size);
        a64_result_flags(e, A64_PF, live);
    } else if (live & NEED_NZCV) {
        a64_adds_sh(e, A64_W, A64_ZR, A64_ZR, r, A64_LSL, 32 - 8 * size);
        e->form = FORM_ADD;
    } else if (live) {
        a64_mov(e, A64_W, A64_PF, r);
    }
}
